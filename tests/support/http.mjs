// SPDX-License-Identifier: MIT
// A server's answers as bytes: whole ones, streams event by event, and a bare socket for what no client sends.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

/** Sends one request on a connection of its own: {status, headers, body (Buffer), json()}. */
export async function ask(url, options) {
  const answer = await begin(url, options);
  const parts = [];
  for await (const part of answer.response) parts.push(part);
  const bytes = Buffer.concat(parts);
  return { ...answer, body: bytes, json: () => JSON.parse(bytes) };
}

/**
 * The same up to the answer's head: {status, headers, response, request}. What else is given, as `ca`, is for
 * https.request().
 */
export async function begin(url, { method = 'GET', headers = {}, body, agent = false, ...tls } = {}) {
  const { request: start } = url.startsWith('https:') ? https : http;
  const request = start(url, { method, headers, agent, ...tls });
  request.end(body);
  const [response] = await once(request, 'response');
  return { status: response.statusCode, headers: response.headers, response, request };
}

export const bearer = (token) => ({ Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' });
export const hello = { messages: [{ role: 'user', content: 'hello' }] };

/** POST /v1/chat/completions; `body` may be a text that goes out as it is. */
export function chat(server, token, body = hello, more = {}) {
  return ask(`${server.origin}/v1/chat/completions`, chatRequest(token, body, more));
}

/** The same with a stream: `next()` resolves to the next event's data, null at the end. */
export async function chatStream(server, token, body = hello, more = {}) {
  const request = chatRequest(token, { stream: true, ...body }, more);
  const answer = await begin(`${server.origin}/v1/chat/completions`, request);
  const pieces = answer.response.setEncoding('utf8')[Symbol.asyncIterator]();
  let text = '';
  const stream = {
    ...answer,
    async next() {
      while (!text.includes('\n\n')) {
        const { done, value } = await pieces.next();
        if (done && text !== '') throw new Error(`the stream ended inside an event: ${text}`);
        if (done) return null;
        text += value;
      }
      const end = text.indexOf('\n\n');
      const lines = text.slice(0, end);
      text = text.slice(end + 2);
      return lines.replace(/^data: /, '');
    },
    async rest() {
      const events = [];
      for (let data; (data = await stream.next()) !== null;) events.push(data);
      return events;
    },
  };
  return stream;
}

function chatRequest(token, body, { headers = {}, ...more }) {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return { method: 'POST', headers: { ...bearer(token), ...headers }, body: text, ...more };
}

/** A bare connection: write() bytes, and wait for what comes: until(text), ended. */
export async function connect(port) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let over = false;
  socket.setEncoding('latin1');
  socket.on('data', (piece) => (text += piece));
  socket.on('error', () => {});
  const ended = new Promise((resolve) => {
    socket.on('end', resolve);
    socket.on('close', resolve);
  }).then(() => ((over = true), text));
  await once(socket, 'connect');
  return {
    socket,
    ended,
    write: (bytes) => socket.write(bytes),
    get text() {
      return text;
    },
    /** Resolves to all text so far when `found(text)` or the text itself is in it. */
    async until(wanted) {
      const found = typeof wanted === 'string' ? () => text.includes(wanted) : () => wanted(text);
      while (!found()) {
        if (over) throw new Error(`the connection ended after: ${text}`);
        await Promise.race([once(socket, 'data'), ended]);
      }
      return text;
    },
    close: () => socket.destroy(),
  };
}

/** Waits until `check()` gives something true, and returns it. */
export async function eventually(check, what, patience_ms = 10_000) {
  const deadline = Date.now() + patience_ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`it never came to be: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
