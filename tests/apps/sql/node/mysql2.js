// SPDX-License-Identifier: Apache-2.0
// mysql2: query() as text, execute() prepared.
'use strict';
const fs = require('fs');
const mysql = require('mysql2/promise');
const { say, count, withFile, sleep, main } = require('./common');

main(async (where) => {
  const options = {
    user: where.user, password: where.password, database: where.database, multipleStatements: true,
    compress: Boolean(process.env.SQL_COMPRESS), ssl: where.ssl, ...(where.socket ? { socketPath: where.socket } : { host: where.host, port: where.port }),
  };
  const conn = await mysql.createConnection(options);
  const guarded = async (step, what) => {
    try {
      say(step, count((await what())[0]));
    } catch (e) {
      if (!e.errno) throw e;
      say(step, null, e.errno);
    }
  };
  const exec = (step) => guarded(step, () => conn.query(step.sql));
  const prepared = async (step) => {
    for (const values of step.sets) await guarded(step, () => conn.execute(step.sql, values));
  };
  return {
    exec,
    multi: exec,
    prepared,
    // it has no batches
    batch: prepared,
    async cancel(step) {
      const done = exec(step);
      await sleep(300);
      const other = await mysql.createConnection(options);
      await other.query(`KILL QUERY ${conn.threadId}`);
      await other.end();
      await done;
    },
    async large(step) {
      if (!step.fetch) return exec(step);
      let n = 0;
      // eslint-disable-next-line no-unused-vars
      for await (const _ of conn.connection.query(step.sql).stream({ highWaterMark: 100 })) n++;
      return say(step, n);
    },
    load: (step) => withFile(step.data, (name) => guarded(step, () => conn.query({
      sql: step.sql.replace('{file}', name), infileStreamFactory: (path) => fs.createReadStream(path),
    }))),
    end: () => conn.end(),
  };
});
