// SPDX-License-Identifier: Apache-2.0
// HTTPS clients of Node: `node client.js https|http2|fetch|two BASE [BASE2]`. Prints ready, and makes its requests after a line of
// standard input. two: 50 requests at a time to each of two servers. TLS_CERTS: directory of ca.pem, and with TLS_OPT=mtls of
// client.pem and client.key; NODE_EXTRA_CA_CERTS is for fetch.
'use strict';
const fs = require('fs');
const https = require('https');
const http2 = require('http2');
const [name, base, base2] = process.argv.slice(2);
const pem = (file) => fs.readFileSync(`${process.env.TLS_CERTS}/${file}`);
const trust = {
	ca: pem('ca.pem'), ...(process.env.TLS_OPT === 'mtls' && { cert: pem('client.pem'), key: pem('client.key') }),
};

function* plan() {
	for (let i = 0; i < 15; i++) yield ['GET', `/${name}/${i}`];
	for (let i = 0; i < 3; i++) {
		yield ['POST', `/up/${name}/${i}`, Buffer.alloc(10 ** i, 120)];
		yield ['GET', `/missing/${name}/${i}`];
		yield ['GET', `/gz/${name}/${i}`];
	}
	yield ['PUT', `/up/${name}/big`, Buffer.alloc(3000000, 120)];
	yield ['HEAD', `/${name}/head`];
	yield ['GET', '/file/big'];
	yield ['GET', `/${name}/last`];
}

const by = {
	https(agent) {
		return (method, url, body) => new Promise((done, fail) => {
			const headers = body ? { 'content-length': body.length } : { 'accept-encoding': 'gzip' };
			const req = https.request(url, { method, agent, headers, ...trust }, (res) => {
				res.resume();
				res.on('end', done);
			});
			req.on('error', fail);
			req.end(body);
		});
	},
	http2(session) {
		return (method, url, body) => new Promise((done, fail) => {
			const s = session.request({ ':method': method, ':path': new URL(url).pathname, 'accept-encoding': 'gzip' });
			s.on('error', fail);
			s.on('end', done);
			s.resume();
			s.end(body);
		});
	},
	fetch() {
		return async (method, url, body) => { await (await fetch(url, { method, body })).arrayBuffer(); };
	},
};

async function all(one) {
	for (const [method, path, body] of plan()) await one(method, base + path, body);
	await Promise.all([...Array(50).keys()].map((i) => one('GET', `${base}/${name}/many/${i}`)));
}

const runs = {
	async https() {
		const agent = new https.Agent({ keepAlive: true });
		await all(by.https(agent));
		agent.destroy();
		for (let i = 0; i < 5; i++) await by.https(false)('GET', `${base}/${name}/close/${i}`);
	},
	async http2() {
		const session = http2.connect(base, trust);
		await all(by.http2(session));
		await new Promise((r) => session.close(r));
	},
	fetch: () => all(by.fetch()),
	async two() {
		const agent = new https.Agent({ keepAlive: true });
		const one = by.https(agent);
		await Promise.all([...Array(100).keys()].map(async (i) => {
			for (let k = 0; k < 8; k++) await one('GET', `${i & 1 ? base2 : base}/two/${i & 1}/${i}/${k}`);
		}));
		agent.destroy();
	},
};

console.log('ready');
process.stdin.once('data', () => {
	process.stdin.destroy();
	runs[name]().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
});
