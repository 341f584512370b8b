// SPDX-License-Identifier: Apache-2.0
// tls_node.js server CERT KEY: an HTTPS server; prints its port, ends with SIGTERM. tls_node.js client PORT CA STOPFILE: requests on
// 4 connections that are kept, and every 100th on one of its own, until the file is there; says how many. 1 if one failed.
'use strict';
const https = require('https');
const fs = require('fs');
const [what, a, b, c] = process.argv.slice(2);

if (what === 'server') {
	const srv = https.createServer({ cert: fs.readFileSync(a), key: fs.readFileSync(b), keepAliveTimeout: 600000 }, (q, r) => {
		r.end(`hello ${q.url}\n`);
	});
	srv.listen(0, '127.0.0.1', () => console.log(srv.address().port));
	process.on('SIGTERM', () => process.exit(0));
} else {
	const ca = fs.readFileSync(b);
	const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca });
	let done = 0;
	const get = (i) => new Promise((ok, bad) => {
		https.get({ host: '127.0.0.1', port: a, path: `/node/${i}`, ca, agent: i % 100 ? agent : false, timeout: 60000 }, (r) => {
			let n = 0;
			r.on('data', (d) => { n += d.length; });
			r.on('end', () => (r.statusCode === 200 && n ? ok() : bad(new Error(`status ${r.statusCode}`))));
			r.on('error', bad);
		}).on('error', bad);
	});
	(async () => {
		for (let i = 0; !fs.existsSync(c); i += 4) {
			await Promise.all([get(i), get(i + 1), get(i + 2), get(i + 3)]);
			done += 4;
		}
		agent.destroy();
	})().then(() => console.log(`ok ${done}`), (e) => { console.log(`fail ${done}: ${e.message}`); process.exit(1); });
}
