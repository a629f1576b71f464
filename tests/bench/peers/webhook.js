// What the Node.js peers know of webhooks: the signature (Standard Webhooks 1.0), the generation, and what was seen.
'use strict';
const { createHmac, createSecretKey, timingSafeEqual } = require('crypto');
const TOLERANCE_S = 300;
const REMEMBERED_MS = 600_000;
const key = createSecretKey(Buffer.from(process.env.WEBHOOK_SECRET.slice('whsec_'.length), 'base64'));

function isSigned(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !signatures || !(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_S)) return false;
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  for (const signature of signatures.split(' ')) {
    if (!signature.startsWith('v1,')) continue;
    const given = Buffer.from(signature.slice(3), 'base64');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return true;
  }
  return false;
}

// Where a body is to go; undefined where it is no message.
function pathOf(body) {
  try {
    const message = JSON.parse(body);
    if (message === null || typeof message !== 'object') return undefined;
    return message.eventType !== undefined || message.payload !== undefined ? '/new' : '/legacy';
  } catch {
    return undefined;
  }
}

// Without those of the connection, and those that follow from the body.
function forwardedHeaders({ host, connection, 'content-length': length, 'transfer-encoding': coding, ...rest }) {
  return rest;
}

// Two maps that take turns: forgetting costs nothing per id.
class Seen {
  constructor() {
    this.young = new Set();
    this.old = new Set();
    setInterval(() => { this.old = this.young; this.young = new Set(); }, REMEMBERED_MS).unref();
  }

  add(id) {
    if (this.young.has(id) || this.old.has(id)) return false;
    this.young.add(id);
    return true;
  }

  delete(id) {
    this.young.delete(id);
    this.old.delete(id);
  }
}

module.exports = { isSigned, pathOf, forwardedHeaders, Seen, REMEMBERED_MS };
