// SPDX-License-Identifier: MIT
// A model server whose every piece a test sends by hand, so that no test depends on timing.
import { once } from 'node:events';
import { createServer } from 'node:http';

const event = (value) => `data: ${JSON.stringify(value)}\n\n`;

/** {url, next(), stop()}: next() resolves to the next request that arrives, an Exchange. */
export async function startUpstream() {
  const arrived = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    request.setEncoding('utf8');
    let body = '';
    for await (const part of request) body += part;
    const exchange = createExchange(JSON.parse(body), response);
    if (waiting.length > 0) waiting.shift()(exchange);
    else arrived.push(exchange);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    next: async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** One request: its body, what can be answered, and `closed`, which resolves when the other side left. */
function createExchange(body, response) {
  const closed = once(response, 'close');
  const delta = (value, finish = null) => {
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const choices = [{ index: 0, delta: value, finish_reason: finish }];
    response.write(event({ id: 'x', object: 'chat.completion.chunk', model: 'fake-model', choices }));
  };
  return {
    body,
    closed,
    say: (content) => delta({ content }),
    think: (reasoning_content) => delta({ reasoning_content }),
    done() {
      delta({}, 'stop');
      response.end('data: [DONE]\n\n');
    },
    breakOff: () => response.destroy(),
    fail(status, error) {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error }));
    },
  };
}
