// SPDX-License-Identifier: Apache-2.0
// node-postgres, with its cursors and COPY streams.
'use strict';
const { Client } = require('pg');
const Cursor = require('pg-cursor');
const copy = require('pg-copy-streams');
const { Readable } = require('stream');
const { pipeline } = require('stream/promises');
const { say, sleep, main } = require('./common');

main(async (where) => {
  const options = { ...where, host: where.socket ? where.socket.replace(/\/[^/]*$/, '') : where.host };
  const client = new Client(options);
  await client.connect();
  let names = 0;
  const rows = (r) => (Array.isArray(r) ? r.reduce((n, x) => n + x.rows.length, 0) : r.rows.length);
  const guarded = async (step, what) => {
    try {
      say(step, await what());
    } catch (e) {
      if (!e.code) throw e;
      say(step, null, e.code);
    }
  };
  const exec = (step) => guarded(step, async () => rows(await client.query(step.sql)));
  return {
    exec,
    multi: exec,
    async prepared(step) {
      const name = `s${names++}`;
      for (const values of step.sets) await guarded(step, async () => rows(await client.query({ name, text: step.sql, values })));
    },
    async batch(step) {
      // it has no batches: queued by the library, without names
      await Promise.all(step.sets.map((values) => client.query(step.sql, values).then(() => say(step))));
    },
    async cancel(step) {
      const pid = client.processID;
      const done = exec(step);
      await sleep(300);
      const other = new Client(options);
      await other.connect();
      await other.query('SELECT pg_cancel_backend($1)', [pid]);
      await other.end();
      await done;
    },
    async large(step) {
      if (!step.fetch) return exec(step);
      const cursor = client.query(new Cursor(step.sql));
      let n = 0;
      for (;;) {
        const some = await cursor.read(step.fetch);
        n += some.length;
        if (some.length < step.fetch) break;
      }
      await cursor.close();
      return say(step, n);
    },
    copy_in: (step) => guarded(step, () => pipeline(Readable.from([step.data]), client.query(copy.from(step.sql)))),
    copy_out: (step) => guarded(step, async () => {
      const stream = client.query(copy.to(step.sql));
      // eslint-disable-next-line no-unused-vars
      for await (const _ of stream);
    }),
    end: () => client.end(),
  };
});
