// SPDX-License-Identifier: Apache-2.0
// MariaDB's own connector: query() as text (pipelined), execute() prepared, batch() in bulk where the server can.
'use strict';
const mariadb = require('mariadb');
const { say, count, withFile, sleep, main } = require('./common');

main(async (where) => {
  const options = {
    user: where.user, password: where.password, database: where.database, multipleStatements: true, permitLocalInfile: true,
    compress: Boolean(process.env.SQL_COMPRESS), allowPublicKeyRetrieval: true, ssl: where.ssl,
    ...(where.socket ? { socketPath: where.socket } : { host: where.host, port: where.port }),
  };
  const conn = await mariadb.createConnection(options);
  const bulk = conn.serverVersion().includes('MariaDB');
  const guarded = async (step, what) => {
    try {
      say(step, count(await what()));
    } catch (e) {
      if (!e.errno) throw e;
      say(step, null, e.errno);
    }
  };
  const exec = (step) => guarded(step, () => conn.query(step.sql));
  return {
    exec,
    multi: exec,
    async prepared(step) {
      for (const values of step.sets) await guarded(step, () => conn.execute(step.sql, values));
    },
    async batch(step) {
      await conn.batch(step.sql, step.sets);
      if (bulk) say(step, null, null, { 'db.operation.batch.size': step.sets.length });
      else for (let i = 0; i < step.sets.length; i++) say(step);
    },
    async cancel(step) {
      const done = exec(step);
      await sleep(300);
      const other = await mariadb.createConnection(options);
      await other.query(`KILL QUERY ${conn.threadId}`);
      await other.end();
      await done;
    },
    async large(step) {
      if (!step.fetch) return exec(step);
      let n = 0;
      // eslint-disable-next-line no-unused-vars
      for await (const _ of conn.queryStream(step.sql)) n++;
      return say(step, n);
    },
    load: (step) => withFile(step.data, (name) => guarded(step, () => conn.query(step.sql.replace('{file}', name)))),
    end: () => conn.end(),
  };
});
