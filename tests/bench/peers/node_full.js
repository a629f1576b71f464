// The same duties as hookshift's lesser relatives, on Node.js' own http module: signature, parsing, volatile memory of
// ids, endpoint by generation, forwarding; answered when the consumer has answered.
// node node_full.js PORT CONSUMER_PORT, with the secret in WEBHOOK_SECRET
'use strict';
const http = require('http');
const { isSigned, pathOf, forwardedHeaders, Seen } = require('./webhook');
const [port, consumer] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 });
const seen = new Seen();

function answer(response, status) {
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}

function forward(request, path, body, response) {
  const finish = (status) => {
    if (status >= 300) seen.delete(request.headers['webhook-id']);
    answer(response, status < 300 ? 200 : 503);
  };
  const headers = { ...forwardedHeaders(request.headers), 'content-length': body.length };
  const forwarded = http.request({ host: '127.0.0.1', port: consumer, agent, method: 'POST', path, headers },
    (answered) => { answered.resume(); answered.on('end', () => finish(answered.statusCode)); });
  forwarded.on('error', () => finish(503));
  forwarded.end(body);
}

function receive(request, body, response) {
  if (!isSigned(request.headers, body)) return answer(response, 401);
  const path = pathOf(body);
  if (path === undefined) return answer(response, 400);
  if (!seen.add(request.headers['webhook-id'])) return answer(response, 200);
  forward(request, path, body, response);
}

http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => receive(request, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks), response));
}).listen(port, '127.0.0.1', 4096);
