// SPDX-License-Identifier: Apache-2.0
// Node's http server: any path answers 200, /missing... 404. Prints its port.
const http = require('http');
const server = http.createServer((req, res) => {
  req.resume();
  req.on('end', () => {
    const text = 'hello ' + req.url.slice(0, 40) + '\n';
    res.statusCode = req.url.startsWith('/missing') ? 404 : 200;
    if (req.url.startsWith('/chunk')) {
      res.write(text);
      res.end();
    } else {
      res.setHeader('Content-Length', Buffer.byteLength(text));
      res.end(req.method === 'HEAD' ? undefined : text);
    }
  });
});
server.listen(0, '127.0.0.1', 2048, () => console.log(server.address().port));
