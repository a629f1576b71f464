// The least that a service in Node.js does between a webhook's sender and its consumer: forwards, and nothing else.
// node plain_proxy.js PORT CONSUMER_PORT
'use strict';
const http = require('http');
const [port, consumer] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 });

http.createServer((request, response) => {
  const forwarded = http.request(
    { host: '127.0.0.1', port: consumer, agent, method: request.method, path: request.url, headers: request.headers },
    (answer) => {
      response.writeHead(answer.statusCode, { 'content-length': answer.headers['content-length'] });
      answer.pipe(response);
    });
  forwarded.on('error', () => { response.writeHead(503); response.end(); });
  request.pipe(forwarded);
}).listen(port, '127.0.0.1', 4096);
