// SPDX-License-Identifier: Apache-2.0
// kafkajs; see ../client.py
'use strict';
const fs = require('fs');
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs');
const lz4 = require('lz4js');

const KEY = 'CANARY-KEY-7f3a';
const VALUE = 'CANARY-VALUE-7f3a';
const BATCH = 500;
const BATCH_BYTES = 900000;

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
// kafkajs-lz4 has to be compiled; lz4js does not say that its blocks are independent, which Kafka wants: true of a single block
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  async compress(encoder) {
    if (encoder.buffer.length > 4 << 20) throw new Error('more than one block');
    const frame = Buffer.from(lz4.compress(encoder.buffer));
    frame[4] = 0x60;
    frame[6] = 0x73;
    return frame;
  },
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});
// @kafkajs/zstd has to be compiled as well
const zstd = new Promise((done) => require('zstd-codec').ZstdCodec.run((z) => done(new z.Streaming())));
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from((await zstd).compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from((await zstd).decompress(buffer)),
});

function options(args) {
  const o = { compression: 'none', acks: 'all', size: '100', timeout: '60', args: [] };
  while (args.length) {
    const a = args.shift();
    if (a === '--txn') o.txn = true;
    else if (a.startsWith('--')) o[a.slice(2)] = args.shift();
    else o.args.push(a);
  }
  return o;
}

function say(truth, n) {
  process.stdout.write(JSON.stringify(truth) + '\n');
  return (truth.sent ?? truth.consumed) === n ? 0 : 1;
}

async function produce(kafka, o, [topic, count]) {
  const n = Number(count);
  const size = Number(o.size);
  const txn = { transactionalId: `oe-txn-${Date.now()}`, maxInFlightRequests: 1, idempotent: true };
  const producer = kafka.producer(o.txn ? txn : {});
  await producer.connect();
  const t = o.txn ? await producer.transaction() : producer;
  const headers = o.traceparent ? { traceparent: o.traceparent } : undefined;
  const compression = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }[o.compression];
  if (compression === undefined) throw new Error(`no compression ${o.compression}`);
  const batch = Math.max(1, Math.min(BATCH, Math.floor(BATCH_BYTES / (size + 100))));
  let sent = 0;
  try {
    for (let i = 0; i < n; i += batch) {
      const messages = [];
      for (let k = i; k < Math.min(n, i + batch); k++) {
        messages.push({ key: `${KEY}-${k}`, value: `${VALUE}-${k}-`.padEnd(size, 'x').slice(0, size), headers });
      }
      await t.send({ topic, messages, compression, acks: o.acks === 'all' ? -1 : Number(o.acks) });
      sent += messages.length;
    }
    if (o.txn) await t.commit();
  } catch (e) {
    console.error(e.message);
  }
  await producer.disconnect();
  return say({ sent }, n);
}

async function consume(kafka, o, [topic, groupId, count]) {
  const n = Number(count);
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const partitions = {};
  const offsets = {};
  let consumed = 0;
  await new Promise((done, failed) => {
    setTimeout(done, Number(o.timeout) * 1000).unref();
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        if (consumed >= n) return;
        consumed++;
        partitions[partition] = (partitions[partition] || 0) + 1;
        offsets[partition] = String(BigInt(message.offset) + 1n);
        if (consumed === n) done();
      },
    }).catch(failed);
  });
  const commits = Object.entries(offsets).map(([p, offset]) => ({ topic, partition: Number(p), offset }));
  if (consumed) await consumer.commitOffsets(commits);
  await consumer.disconnect();
  return say({ consumed, partitions }, n);
}

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
process.stdin.once('end', () => {
  console.error('no line on stdin');
  process.exit(1);
});
process.stdin.once('data', async () => {
  process.stdin.removeAllListeners('end').pause();
  const o = options(process.argv.slice(2));
  const [what, bootstrap, ...args] = o.args;
  setTimeout(() => {
    console.error('no end in time');
    process.exit(1);
  }, (Number(o.timeout) + 5) * 1000).unref();
  const ca = process.env.KAFKA_TLS;
  const ssl = ca ? { ca: fs.readFileSync(ca) } : undefined;
  const kafka = new Kafka({ clientId: 'oe-kafkajs', brokers: bootstrap.split(','), ssl, logLevel: logLevel.ERROR });
  try {
    process.exitCode = await { produce, consume }[what](kafka, o, args);
  } catch (e) {
    console.error(e.message);
    process.exitCode = 1;
  }
});
