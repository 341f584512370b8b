// SPDX-License-Identifier: Apache-2.0
// What the Node clients have in common; see ../client.py
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');

function say(step, rows, code, other) {
  const t = { ...step.t, ...other };
  if (code !== undefined && code !== null) t['db.response.status_code'] = String(code);
  else if (rows !== undefined && rows !== null && step.rows) t['db.response.returned_rows'] = rows;
  fs.writeSync(1, JSON.stringify(t) + '\n');
}

// the number of rows of a result: rows, or several results of them
function count(result) {
  if (!Array.isArray(result)) return null;
  if (result.some((x) => Array.isArray(x))) return result.reduce((n, x) => n + (Array.isArray(x) ? x.length : 0), 0);
  return result.length;
}

// with_file DATA F: F of the name of a file that has it
async function withFile(data, f) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sql'));
  const name = path.join(dir, 'data.tsv');
  fs.writeFileSync(name, data);
  try {
    await f(name);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// main: `make` of (where) gives {OP: async (step) => ..., end: async () => ...}; an error that an OP throws has a code
async function main(make) {
  const [host, port, user, password, database, steps] = process.argv.slice(2, 8);
  const ca = process.env.SQL_TLS;
  const where = { host, port: Number(port), user, password, database, socket: host.startsWith('/') ? host : null };
  if (ca) where.ssl = { ca: fs.readFileSync(ca), rejectUnauthorized: true };
  const client = await make(where);
  for (const line of fs.readFileSync(steps, 'utf8').split('\n')) {
    if (!line) continue;
    const step = JSON.parse(line);
    await client[step.op](step);
  }
  await client.end();
}

module.exports = { say, count, withFile, sleep, main };
