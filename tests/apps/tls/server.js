// SPDX-License-Identifier: Apache-2.0
// Node's HTTPS servers: `node server.js https|http2 [BASE...]`. Prints its port. Paths and environment as of server.py; either asks
// each BASE first; TRUTH is written when SIGTERM ends it.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const dir = process.env.TLS_CERTS;
const opt = (process.env.TLS_OPT || '').split(',');
const log = [];

const bases = process.argv.slice(3);
const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
const ca = fs.readFileSync(dir + '/ca.pem');

function ask(url) {
	const { protocol } = new URL(url);
	return new Promise((done, fail) => {
		(protocol === 'https:' ? https : http).get(url, { agent: agents[protocol], ca }, (res) => {
			res.resume();
			res.on('end', done);
		}).on('error', fail);
	});
}

function handle(req, res) {
	const { remoteAddress, remotePort } = req.socket;
	const host = req.headers[':authority'] || req.headers.host;
	const path = req.url.split('?')[0];
	let size = 0;
	req.on('data', (d) => { size += d.length; });
	req.on('end', async () => {
		await Promise.all(bases.map((base) => ask(base + path)));
		const text = path.startsWith('/big/') ? Buffer.alloc(Number(path.slice(5)), 120) : Buffer.from(`hello ${path.slice(0, 40)}\n`);
		res.statusCode = path.startsWith('/missing') ? 404 : 200;
		log.push({
			method: req.method, path, status: res.statusCode, req_body: size, 'url.scheme': 'https',
			'network.protocol.version': req.httpVersionMajor === 2 ? '2' : req.httpVersion, 'network.peer.address': remoteAddress,
			'network.peer.port': remotePort, 'server.address': host.split(':')[0], 'server.port': server.address().port,
		});
		if (path.startsWith('/chunk')) {
			res.write(text.subarray(0, 3));
			res.end(text.subarray(3));
		} else {
			res.setHeader('content-length', text.length);
			res.end(req.method === 'HEAD' ? undefined : text);
		}
	});
}

const options = {
	cert: fs.readFileSync(dir + '/server.pem'), key: fs.readFileSync(dir + '/server.key'), keepAliveTimeout: 60000,
	...(opt.includes('tls12') && { maxVersion: 'TLSv1.2' }),
	...(opt.includes('mtls') && { ca: fs.readFileSync(dir + '/ca.pem'), requestCert: true, rejectUnauthorized: true }),
};
const server = process.argv[2] === 'http2'
	? require('http2').createSecureServer({ ...options, settings: { maxConcurrentStreams: 1000 } }, handle)
	: https.createServer(options, handle);
process.on('SIGTERM', () => {
	if (process.env.TRUTH) fs.writeFileSync(process.env.TRUTH, log.map((o) => JSON.stringify(o) + '\n').join(''));
	process.exit(0);
});
server.listen(0, '127.0.0.1', 2048, () => console.log(server.address().port));
