// SPDX-License-Identifier: Apache-2.0
// gRPC peer in Node (grpc-js): echo.js server PORT | client TARGET SCENARIO [N]; see tests/tools/grpc_app.sh.
'use strict';
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(path.join(__dirname, '..', 'echo.proto'), { keepCase: true, defaults: true });
const Echo = grpc.loadPackageDefinition(definition).oe.test.Echo;

// a file of the directory GRPC_TLS
const tls = process.env.GRPC_TLS;
const pem = (name) => fs.readFileSync(path.join(tls, name));

function die(what) {
	console.error(String(what));
	process.exit(1);
}

// sleeps as asked, but no longer than the call lives
function nap(call, req) {
	if (req.sleep_ms <= 0)
		return Promise.resolve();
	return new Promise((resolve) => {
		const over = () => {
			clearTimeout(timer);
			call.removeListener('cancelled', over);
			resolve();
		};
		const timer = setTimeout(over, req.sleep_ms);
		call.on('cancelled', over);
	});
}

function wanted(req) {
	return req.code ? { code: req.code, details: req.message } : null;
}

const payload = (req) => Buffer.alloc(req.size, 'x');

const handlers = {
	async Unary(call, done) {
		await nap(call, call.request);
		const err = wanted(call.request);
		done(err, err ? undefined : { payload: payload(call.request), got: 1 });
	},
	ClientStream(call, done) {
		let got = 0;
		let last = { code: 0, size: 0, sleep_ms: 0 };
		call.on('data', (req) => {
			last = req;
			got++;
		});
		call.on('end', async () => {
			await nap(call, last);
			const err = wanted(last);
			done(err, err ? undefined : { payload: payload(last), got });
		});
	},
	async ServerStream(call) {
		const req = call.request;
		for (let i = 0; i < req.count; i++) {
			await nap(call, req);
			if (call.cancelled)
				return;
			if (!call.write({ payload: payload(req), got: 1 }))
				await new Promise((resolve) => {
					call.once('drain', resolve);
					call.once('cancelled', resolve);
				});
		}
		const err = wanted(req);
		if (err)
			call.emit('error', err);
		else
			call.end();
	},
	Bidi(call) {
		let got = 0;
		let ended = false;
		let turn = Promise.resolve();
		call.on('data', (req) => {
			turn = turn.then(async () => {
				if (ended)
					return;
				await nap(call, req);
				const err = wanted(req);
				if (err) {
					ended = true;
					call.emit('error', err);
				} else {
					call.write({ payload: payload(req), got: ++got });
				}
			});
		});
		call.on('end', () => {
			turn = turn.then(() => ended || call.end());
		});
	},
};

function serve(where) {
	const server = new grpc.Server();
	server.addService(Echo.service, handlers);
	const { HealthImplementation } = require('grpc-health-check');
	new HealthImplementation({ '': 'SERVING', 'oe.test.Echo': 'SERVING' }).addToServer(server);
	const { ReflectionService } = require('@grpc/reflection');
	new ReflectionService(definition).addToServer(server);
	process.on('SIGTERM', () => process.exit(0));
	const address = where.startsWith('unix:') ? where : '127.0.0.1:' + where;
	const credentials = tls
		? grpc.ServerCredentials.createSsl(null, [{ private_key: pem('server.key'), cert_chain: pem('server.pem') }])
		: grpc.ServerCredentials.createInsecure();
	server.bindAsync(address, credentials, (err) => {
		if (err)
			die(err);
		console.log('ready');
	});
}

function say(method, code, sent, received) {
	console.log('oe.test.Echo/' + method, grpc.status[code], sent, received);
}

function unary(client, req, metadata, options) {
	return new Promise((resolve) => {
		client.Unary(req, metadata || new grpc.Metadata(), options || {}, (err) => resolve(err ? err.code : grpc.status.OK));
	});
}

async function sayUnary(client, req, metadata, options) {
	const code = await unary(client, req, metadata, options);
	say('Unary', code, 1, code ? 0 : 1);
}

// resolves with the status once the stream is over; what comes is handed to onData
function over(call, onData) {
	return new Promise((resolve) => {
		call.on('data', onData);
		call.on('error', () => {});
		call.on('status', (status) => resolve(status.code));
	});
}

async function streams(client) {
	let sent = 0;
	let received = 0;
	let code = await new Promise((resolve) => {
		const call = client.ClientStream((err) => resolve(err ? err.code : grpc.status.OK));
		for (; sent < 5; sent++)
			call.write({ text: 'part ' + sent, size: 10 });
		call.end();
	});
	say('ClientStream', code, sent, code ? 0 : 1);

	code = await over(client.ServerStream({ text: 'more', count: 7, size: 100 }), () => received++);
	say('ServerStream', code, 1, received);

	const call = client.Bidi();
	const ping = () => call.write({ text: 'ping ' + sent++, size: 10 });
	sent = received = 0;
	ping();
	code = await over(call, () => {
		if (++received < 3)
			ping();
		else
			call.end();
	});
	say('Bidi', code, sent, received);
}

async function cancel(client) {
	const call = client.ServerStream({ text: 'stop me', count: 1000, size: 10, sleep_ms: 5 });
	let received = 0;
	const code = await over(call, () => {
		if (received === 0) {
			received = 1;
			call.cancel();
		}
	});
	say('ServerStream', code, 1, received);
}

async function load(client, n) {
	const tally = new Map();
	let next = 0;
	const worker = async () => {
		while (next < n) {
			const code = await unary(client, { text: 'load', code: [0, 3, 5, 13][next++ % 4], size: 10, message: 'as asked' });
			tally.set(code, (tally.get(code) || 0) + 1);
		}
	};
	await Promise.all(Array.from({ length: 8 }, worker));
	for (const code of [...tally.keys()].sort((a, b) => a - b))
		console.log('oe.test.Echo/Unary', grpc.status[code], tally.get(code));
}

function text(n) {
	const set = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
	let s = '';
	while (s.length < n)
		s += set[Math.floor(Math.random() * set.length)];
	return s;
}

async function one(client, scenario, i) {
	switch (scenario) {
	case 'unary':
		return sayUnary(client, { text: 'hello ' + i, size: 10 });
	case 'codes':
		return sayUnary(client, { text: 'code', code: i % 17, size: 10, message: 'héllo wörld %' });
	case 'streams':
		return streams(client);
	case 'deadline':
		return sayUnary(client, { text: 'slow', sleep_ms: 2000 }, null, { deadline: Date.now() + 100 });
	case 'cancel':
		return cancel(client);
	case 'large':
		return sayUnary(client, { text: 'a'.repeat(300000), size: 1000000 });
	case 'metadata': {
		const metadata = new grpc.Metadata();
		for (let k = 0; k < 40; k++)
			metadata.set('x-meta-' + String(k).padStart(2, '0'), text(300));
		metadata.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
		return sayUnary(client, { text: 'metadata', size: 10 }, metadata);
	}
	case 'unimplemented': {
		const m = Echo.service.Unary;
		const code = await new Promise((resolve) => {
			client.makeUnaryRequest('/oe.test.Echo/Nope', m.requestSerialize, m.responseDeserialize, { text: 'nope' },
				(err) => resolve(err ? err.code : grpc.status.OK));
		});
		return say('Nope', code, 1, code ? 0 : 1);
	}
	default:
		return die('no scenario ' + scenario);
	}
}

async function main(a) {
	if (a.length === 2 && a[0] === 'server') {
		serve(a[1]);
	} else if ((a.length === 3 || a.length === 4) && a[0] === 'client') {
		const n = a.length === 4 ? Number(a[3]) : 1;
		const credentials = tls ? grpc.credentials.createSsl(pem('ca.pem')) : grpc.credentials.createInsecure();
		const client = new Echo(a[1], credentials, { 'grpc.enable_http_proxy': 0 });
		if (a[2] === 'load')
			await load(client, n);
		else
			for (let i = 0; i < n; i++)
				await one(client, a[2], i);
		client.close();
	} else {
		die('usage: server PORT | client TARGET SCENARIO [N]');
	}
}

main(process.argv.slice(2)).catch(die);
