// SPDX-License-Identifier: Apache-2.0
// mysql (the old one): parameters become literals.
'use strict';
const mysql = require('mysql');
const { say, count, withFile, sleep, main } = require('./common');

main(async (where) => {
  const options = {
    user: where.user, password: where.password, database: where.database, multipleStatements: true,
    ssl: where.ssl, ...(where.socket ? { socketPath: where.socket } : { host: where.host, port: where.port }),
  };
  const conn = mysql.createConnection(options);
  const query = (c, ...args) => new Promise((good, bad) => c.query(...args, (e, rows) => (e ? bad(e) : good(rows))));
  await query(conn, 'SELECT 1');
  const guarded = async (step, what) => {
    try {
      say(step, count(await what()));
    } catch (e) {
      if (!e.errno) throw e;
      say(step, null, e.errno);
    }
  };
  const exec = (step) => guarded(step, () => query(conn, step.sql));
  const prepared = async (step) => {
    for (const values of step.sets) await guarded(step, () => query(conn, step.sql, values));
  };
  return {
    exec,
    multi: exec,
    prepared,
    batch: prepared,
    async cancel(step) {
      const done = exec(step);
      await sleep(300);
      const other = mysql.createConnection(options);
      await query(other, `KILL QUERY ${conn.threadId}`);
      other.end();
      await done;
    },
    async large(step) {
      if (!step.fetch) return exec(step);
      let n = 0;
      await new Promise((done, bad) => conn.query(step.sql).on('result', () => n++).on('error', bad).on('end', done));
      return say(step, n);
    },
    load: (step) => withFile(step.data, (name) => guarded(step, () => query(conn, step.sql.replace('{file}', name)))),
    end: () => new Promise((done) => conn.end(done)),
  };
});
