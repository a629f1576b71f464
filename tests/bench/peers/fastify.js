// What a service on fastify does between a webhook's sender and its consumer, in three editions:
//   memory   remembers ids in memory, forwards, answers
//   redis    remembers ids in redis, forwards, answers
//   durable  writes the message to redis together with its id, answers, forwards, removes it; goes on after a restart
// node fastify.js PORT CONSUMER_PORT EDITION, with the secret in WEBHOOK_SECRET; redis is at redis.sock
'use strict';
const { Pool } = require('undici');
const { isSigned, pathOf, forwardedHeaders, Seen, REMEMBERED_MS } = require('./webhook');
const [port, consumer] = process.argv.slice(2, 4).map(Number);
const edition = process.argv[4];
const app = require('fastify')({ bodyLimit: 1 << 20 });
const pool = new Pool(`http://127.0.0.1:${consumer}`, { connections: 1024, pipelining: 1 });
const RETRY_MS = 500;

function connectRedis() {
  const { Redis } = require('ioredis');
  const redis = new Redis({ path: 'redis.sock', enableAutoPipelining: true });
  redis.defineCommand('admit', {
    numberOfKeys: 2,
    lua: `if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return 0 end
          redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
          return 1`,
  });
  return redis;
}

async function forward(path, headers, body) {
  try {
    const answer = await pool.request({ method: 'POST', path, headers, body });
    await answer.body.dump();
    return answer.statusCode < 300;
  } catch {
    return false;
  }
}

function volatile(remember, forget) {
  return async (request, reply, path) => {
    const id = request.headers['webhook-id'];
    if (!await remember(id)) return reply.code(200).send();
    if (await forward(path, forwardedHeaders(request.headers), request.body)) return reply.code(200).send();
    await forget(id);
    return reply.code(503).send();
  };
}

function durable(redis) {
  async function deliver(id, path, headers, body) {
    if (await forward(path, headers, body)) await redis.hdel('pending', id);
    else setTimeout(deliver, RETRY_MS, id, path, headers, body);
  }
  async function resume() {
    for (const [id, kept] of Object.entries(await redis.hgetallBuffer('pending'))) {
      const end = kept.indexOf('\n');
      const { path, headers } = JSON.parse(kept.subarray(0, end));
      deliver(id, path, headers, kept.subarray(end + 1));
    }
  }
  const handle = async (request, reply, path) => {
    const id = request.headers['webhook-id'];
    const headers = forwardedHeaders(request.headers);
    const kept = Buffer.concat([Buffer.from(JSON.stringify({ path, headers }) + '\n'), request.body]);
    if (!await redis.admit(`seen:${id}`, 'pending', REMEMBERED_MS, id, kept)) return reply.code(200).send();
    deliver(id, path, headers, request.body);
    return reply.code(202).send();
  };
  return { handle, resume };
}

async function prepare() {
  if (edition === 'memory') {
    const seen = new Seen();
    return volatile((id) => seen.add(id), (id) => seen.delete(id));
  }
  const redis = connectRedis();
  if (edition === 'redis')
    return volatile((id) => redis.set(`seen:${id}`, '', 'PX', REMEMBERED_MS, 'NX'), (id) => redis.del(`seen:${id}`));
  const { handle, resume } = durable(redis);
  await resume();
  return handle;
}

prepare().then((handle) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
  app.post('/*', (request, reply) => {
    if (!isSigned(request.headers, request.body)) return reply.code(401).send();
    const path = pathOf(request.body);
    if (path === undefined) return reply.code(400).send();
    return handle(request, reply, path);
  });
  return app.listen({ host: '127.0.0.1', port, backlog: 4096 });
});
