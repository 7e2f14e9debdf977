// SPDX-License-Identifier: MIT
// A model server for the soak, as a process of its own: below /main it answers well, below /faulty in each way in
// which upstreams fail. Prints its port. GET /heard says how many requests arrived, and how many of those the server
// must have kept counted: the ones that were answered, or were cut short behind their first byte.
import { createServer } from 'node:http';

const heard = { requests: 0, kept: 0, given_back: 0, left: 0 };
const events = new Map();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A stream's event with so much text, kept for the next. */
function event(size) {
  if (!events.has(size)) {
    const choices = [{ index: 0, delta: { content: 'word '.repeat(size / 5) }, finish_reason: null }];
    events.set(
      size,
      `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices })}\n\n`,
    );
  }
  return events.get(size);
}
const usage = { prompt_tokens: 11, completion_tokens: 42, total_tokens: 53 };
const lastEvents = `data: ${JSON.stringify({ id: 'x', choices: [], usage })}\n\ndata: [DONE]\n\n`;
const whole = JSON.stringify({
  id: 'x',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'An answer. '.repeat(20) } }],
  usage,
});

async function stream(response, { events: count = 20, bytes = 20, interval_ms = 5 }) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let goOn;
  response.on('drain', () => goOn?.()).once('close', () => goOn?.());
  for (let i = 0; i < count && !response.destroyed; ++i) {
    if (!response.write(event(bytes))) await new Promise((resolve) => (goOn = resolve));
    if (interval_ms > 0) await sleep(interval_ms);
  }
  response.end(lastEvents);
}
const json = (response, status, text, headers = {}) =>
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(text);

/** Each fault with whether the request is one that is given back: the upstream gave no answer. */
const faults = {
  reset: [true, (response) => response.socket.resetAndDestroy()],
  cut_early: [true, (response) => response.destroy()],
  status_500: [true, (response) => json(response, 500, '{"error":{"message":"boom"}}')],
  status_503: [true, (response) => json(response, 503, 'busy', { 'Retry-After': '1' })],
  junk: [true, (response) => json(response, 200, '<html>not JSON')],
  half: [
    true,
    (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
      response.write('{"choices":[', () => response.destroy());
    },
  ],
  status_400: [false, (response) => json(response, 400, '{"error":{"message":"no"}}')],
  slow: [false, async (response) => (await sleep(800), json(response, 200, whole))],
  // The server gives up on these by its own time limits.
  stall: [true, () => {}],
  stall_inside: [
    false,
    (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(event(20));
    },
  ],
  cut_inside: [
    false,
    (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(event(20) + 'data: {"half', () => setTimeout(() => response.destroy(), 20));
    },
  ],
  junk_inside: [
    false,
    (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.end(`: comment\r\nbad line\r\ndata: {"choices":[\r\n\r\n\0\xff${event(20)}`);
    },
  ],
};

createServer(async (request, response) => {
  response.on('error', () => {});
  request.on('error', () => {});
  if (request.url === '/heard') return json(response, 200, JSON.stringify(heard));
  if (request.method === 'GET') return json(response, 200, '{"object":"list","data":[]}');
  ++heard.requests;
  const parts = [];
  try {
    for await (const part of request) if (parts.length < 64) parts.push(part);
  } catch {
    return void ++heard.left;
  }
  const isJson = request.headers['content-type']?.startsWith('application/json');
  const body = isJson ? JSON.parse(Buffer.concat(parts)) : {};
  if (request.url.startsWith('/faulty/')) {
    const [givenBack, act] = faults[body.soak.fault];
    ++heard[givenBack ? 'given_back' : 'kept'];
    return void act(response);
  }
  ++heard.kept;
  if (body.stream) return stream(response, body.soak);
  if (request.url.endsWith('/audio/speech')) {
    response.writeHead(200, { 'Content-Type': 'audio/mpeg' });
    return void response.end(Buffer.alloc(200_000, 'x'));
  }
  await sleep(body.soak?.delay_ms ?? 5);
  json(response, 200, whole);
}).listen(0, '127.0.0.1', function () {
  console.log(this.address().port);
});
