// SPDX-License-Identifier: Apache-2.0
// HTTP/2 in the clear with Node's own library. `node node_http2.js server` prints its port; `node node_http2.js client PORT
// SCENARIO [N]` prints what it did, one JSON object per request. TLS_CERTS: over TLS, with server.pem, server.key and ca.pem of
// that directory.
'use strict';
const fs = require('fs');
const http2 = require('http2');
const certs = process.env.TLS_CERTS;
const pem = (name) => fs.readFileSync(`${certs}/${name}`);
const limits = { maxHeaderListPairs: 2000, maxSendHeaderBlockLength: 1 << 20, maxSessionMemory: 1000 };

function serve() {
	const options = { ...limits, settings: { enableConnectProtocol: true, maxConcurrentStreams: 1000 } };
	const srv = certs ? http2.createSecureServer({ ...options, cert: pem('server.pem'), key: pem('server.key') })
		: http2.createServer(options);
	srv.on('sessionError', () => {});
	srv.on('stream', (s, h) => {
		const p = h[':path'];
		s.on('error', () => {});
		if (h[':protocol']) {
			s.respond({ ':status': 200 });
			s.on('data', (d) => s.write(d));
			s.on('end', () => s.end());
		} else if (p === '/push') {
			s.pushStream({ ':path': '/pushed' }, (e, ps) => { ps.respond({ ':status': 200 }); ps.end('x'); });
			s.respond({ ':status': 200 });
			s.end('ok');
		} else if (p === '/hints') {
			s.additionalHeaders({ ':status': 103, link: '</a>' });
			s.respond({ ':status': 204 }, { endStream: true });
		} else if (p === '/never') {
			s.resume();
		} else if (p === '/rst') {
			s.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
		} else if (p === '/trailers') {
			s.respond({ ':status': 200 }, { waitForTrailers: true });
			s.on('wantTrailers', () => s.sendTrailers({ abc: '1' }));
			s.end('hello');
		} else if (p.startsWith('/status/')) {
			s.respond({ ':status': Number(p.slice(8)) });
			s.end('x'.repeat(100));
		} else if (p.startsWith('/bytes/')) {
			s.respond({ ':status': 200 });
			s.end(Buffer.alloc(Number(p.slice(7)), 120));
		} else {
			let n = 0;
			s.on('data', (d) => { n += d.length; });
			s.on('end', () => { s.respond({ ':status': 200 }); s.end(String(n)); });
		}
	});
	return new Promise((r) => srv.listen(0, '127.0.0.1', () => r(srv.address().port)));
}

function say(o) { console.log(JSON.stringify(o)); }

// One request; says what came of it.
function request(c, path, { method = 'GET', headers = {}, body, then, error } = {}) {
	return new Promise((done) => {
		const s = c.request({ ':path': path, ':method': method, ...headers }, { endStream: body === undefined });
		const o = { method, path: path.split('?')[0], status: null, req_body: body ? body.length : 0, resp_body: 0 };
		s.on('response', (h) => { o.status = h[':status']; });
		s.on('data', (d) => { o.resp_body += d.length; });
		s.on('error', () => {});
		s.on('close', () => {
			if (error) { o['error.type'] = error; delete o.resp_body; delete o.req_body; }
			say(o);
			done(o);
		});
		if (body !== undefined) s.end(body);
		if (then) then(s);
	});
}

const scenarios = {
	async many(c, n) {
		const all = [];
		for (let i = 0; i < n; i++) all.push(request(c, `/status/${[200, 404, 500, 418, 301][i % 5]}`));
		await Promise.all(all);
	},
	async bodies(c) {
		await request(c, '/post', { method: 'POST', body: Buffer.alloc(1000000) });
		await request(c, '/empty', { method: 'POST', body: Buffer.alloc(0) });
		await request(c, '/put', { method: 'PUT', body: Buffer.alloc(1) });
		const big = [request(c, '/bytes/1000000'), request(c, '/bytes/300000')];
		for (let i = 0; i < 50; i++) big.push(request(c, `/bytes/${i}`));
		await Promise.all(big);
	},
	async trailers(c) { for (let i = 0; i < 5; i++) await request(c, '/trailers'); },
	async hints(c) { for (let i = 0; i < 5; i++) await request(c, '/hints'); },
	async push(c) { for (let i = 0; i < 3; i++) await request(c, '/push'); },
	async reset(c) {
		for (let i = 0; i < 3; i++) await request(c, '/rst', { error: 'INTERNAL_ERROR' });
		for (let i = 0; i < 3; i++)
			await request(c, '/never', { error: 'CANCEL', then: (s) => setTimeout(() => s.close(http2.constants.NGHTTP2_CANCEL), 30) });
	},
	async websocket(c) {
		await request(c, '/ws', {
			method: 'CONNECT', headers: { ':protocol': 'websocket', ':scheme': certs ? 'https' : 'http', ':authority': 'x' }, body: 'hello',
		});
	},
	async headers(c, n) {
		for (let i = 0; i < n; i++) {
			const headers = {};
			for (let k = 0; k < 60; k++) headers[`x-h-${i}-${k}`] = 'v'.repeat(400) + Math.random();
			await request(c, `/headers/${i}`, { headers });
		}
	},
	async traced(c) { await request(c, '/traced', { headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } }); },
	// one after the other, for n seconds
	async steady(c, n) {
		const end = Date.now() + n * 1000;
		for (let i = 0; Date.now() < end; i++) {
			await request(c, '/status/200');
			await request(c, `/new/${i}`);
			await new Promise((r) => setTimeout(r, 10));
		}
	},
};

async function drive(port, name, n) {
	const c = certs ? http2.connect(`https://127.0.0.1:${port}`, { ...limits, ca: pem('ca.pem') })
		: http2.connect(`http://127.0.0.1:${port}`, limits);
	c.on('error', (e) => console.error(e.message));
	c.on('stream', (s) => s.resume());
	await new Promise((r) => c.on('remoteSettings', r));
	await scenarios[name](c, n);
	await new Promise((r) => c.close(r));
}

async function main() {
	const [mode, ...args] = process.argv.slice(2);
	if (mode === 'server') {
		console.log(await serve());
		process.on('SIGTERM', () => process.exit(0));
	} else {
		await drive(Number(args[0]), args[1], Number(args[2] || 10));
	}
}
main();
