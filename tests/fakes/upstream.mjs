// SPDX-License-Identifier: MIT
// A model server whose every piece a test sends by hand, so that no test depends on timing.
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A value as one server-sent event. */
export const event = (value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;

export const answer = (content) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'fake-model',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
});

/** The extra chunk of stream_options.include_usage. */
export const usageChunk = (prompt_tokens, completion_tokens) => ({
  object: 'chat.completion.chunk',
  choices: [],
  usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
});

/**
 * {url, port, requests, next(), stop()}: `requests` are all Exchanges so far; next() resolves to the next one
 * that arrives. With `handle` each goes there at once instead of waiting for next(). A GET is 404, and `onGet` hears
 * of it if a test sets that.
 */
export async function startUpstream({ handle, port = 0 } = {}) {
  const requests = [];
  const arrived = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') {
      upstream.onGet?.(request);
      return void response.writeHead(404).end();
    }
    const parts = [];
    for await (const part of request) parts.push(part);
    const exchange = createExchange(request, Buffer.concat(parts), response);
    requests.push(exchange);
    if (handle) handle(exchange);
    else if (waiting.length > 0) waiting.shift()(exchange);
    else arrived.push(exchange);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const upstream = {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    port: server.address().port,
    requests,
    async next() {
      if (arrived.length > 0) return arrived.shift();
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          waiting.splice(waiting.indexOf(take), 1);
          reject(new Error('no request reached the upstream'));
        }, 10_000);
        const take = (exchange) => {
          clearTimeout(patience);
          resolve(exchange);
        };
        waiting.push(take);
      });
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return upstream;
}

/**
 * One request: its path, headers, `bytes` and parsed `body`; what can be answered; and `closed`, which resolves
 * when the answer has ended or the other side left.
 */
function createExchange(request, bytes, response) {
  const closed = once(response, 'close');
  response.on('error', () => {});
  /** Bytes of a stream as they are; resolves when the other side has taken them. */
  const send = (text) => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    return new Promise((resolve) => response.write(text, resolve));
  };
  const delta = (value, finish = null) => {
    const choices = [{ index: 0, delta: value, finish_reason: finish }];
    return send(event({ id: 'x', object: 'chat.completion.chunk', model: 'fake-model', choices }));
  };
  return {
    path: request.url,
    headers: request.headers,
    bytes,
    get body() {
      return JSON.parse(bytes);
    },
    response,
    closed,
    send,
    say: (content) => delta({ content }),
    think: (reasoning_content) => delta({ reasoning_content }),
    usage: (prompt, completion) => send(event(usageChunk(prompt, completion))),
    done() {
      delta({}, 'stop');
      response.end(event('[DONE]'));
    },
    end: (text = '') => response.end(text),
    /** A whole answer; a text goes out as it is. */
    answer(value = answer('hello'), status = 200, headers = {}) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(text);
    },
    fail(status, error) {
      this.answer({ error }, status);
    },
    /** Ends the connection in the middle: what was sent arrives, the answer's end does not. */
    breakOff: () => response.destroy(),
    /** The same with a TCP reset. */
    reset: () => response.socket.resetAndDestroy(),
  };
}
