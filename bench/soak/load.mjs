// SPDX-License-Identifier: MIT
// The soak's clients: each does one thing after the other, chosen at random by weight, for as long as it is told.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

const faults = [
  ...['reset', 'cut_early', 'status_500', 'status_503', 'junk', 'half', 'status_400', 'slow', 'stall'],
  ...['stall_inside', 'cut_inside', 'junk_inside'],
];
/** Those that only mean something inside a stream, and those that only do outside. */
const inStreams = new Set(['stall_inside', 'cut_inside', 'junk_inside']);

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbers(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** {done: {what: times}, odd: [unexpected answers], aborted, stop()}: `clients` of them on the server at `origin`. */
export function startLoad({ origin, secret, tokens, clients = 40, seed = 1 }) {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: clients });
  const load = { done: {}, odd: [], aborted: 0 };
  let stopped = false;
  const { port } = new URL(origin);

  const client = async (random) => {
    const pick = (list) => list[Math.floor(random() * list.length)];
    const token = () => pick(tokens);

    /** Sends a request; its answer's head. */
    async function begin(method, path, body, headers = {}) {
      const request = http.request(`${origin}${path}`, { method, agent, headers });
      request.end(body);
      const [response] = await once(request, 'response');
      return { request, response, status: response.statusCode };
    }
    async function ask(method, path, body, headers) {
      const { response, status } = await begin(method, path, body, headers);
      const parts = [];
      for await (const part of response) parts.push(part);
      return { status, text: Buffer.concat(parts).toString('latin1') };
    }
    const chatHeaders = () => ({ Authorization: `Bearer ${token()}`, 'Content-Type': 'application/json' });
    const chatBody = (more) =>
      JSON.stringify({ model: 'main', messages: [{ role: 'user', content: 'Say something.' }], ...more });
    const chat = (more) => ask('POST', '/v1/chat/completions', chatBody(more), chatHeaders());
    const beginChat = (more) => begin('POST', '/v1/chat/completions', chatBody(more), chatHeaders());
    const admin = (method, path, body) => ask(method, path, body, { 'X-Admin-Secret': secret });
    const wants = (what, answer, ...statuses) => {
      if (!statuses.includes(answer.status) && load.odd.length < 20)
        load.odd.push(`${what}: ${answer.status} ${answer.text?.slice(0, 200)}`);
      return answer;
    };
    /** Bytes as they are, on a connection of their own, until the server ends it or `patience_ms` are over. */
    function raw(bytes, patience_ms) {
      const socket = net.connect(Number(port), '127.0.0.1');
      socket.on('error', () => {}).resume();
      socket.write(bytes);
      const patience = setTimeout(() => socket.destroy(), patience_ms);
      return once(socket, 'close').finally(() => clearTimeout(patience));
    }

    const actions = {
      whole: [
        30,
        async () =>
          wants('whole', await chat({ model: pick(['main', 'both']), soak: { fault: 'reset' } }), 200),
      ],
      stream: [
        20,
        async () => {
          const answer = await chat({ stream: true, soak: { events: 20 } });
          if (!answer.text.endsWith('data: [DONE]\n\n')) answer.status = 'cut';
          wants('stream', answer, 200);
        },
      ],
      leaves_stream: [
        8,
        async () => {
          const { request, response } = await beginChat({ stream: true, soak: { events: 200 } });
          await once(response, 'data');
          request.destroy();
        },
      ],
      leaves_whole: [
        4,
        async () => {
          ++load.aborted;
          const request = http.request(`${origin}/v1/chat/completions`, {
            method: 'POST',
            headers: chatHeaders(),
          });
          request.on('error', () => {}).end(chatBody({ soak: { delay_ms: 1000 } }));
          await new Promise((resolve) => setTimeout(resolve, 100 * random()));
          request.destroy();
        },
      ],
      reads_slowly: [
        3,
        async () => {
          const soak = { events: 100, bytes: 65_000, interval_ms: 0 };
          const { request, response } = await beginChat({ stream: true, soak });
          response.pause();
          await new Promise((resolve) => setTimeout(resolve, 500));
          if (random() < 0.5) return request.destroy();
          for await (const part of response) void part;
        },
      ],
      fault: [
        8,
        async () => {
          const fault = pick(faults);
          const stream = inStreams.has(fault) || random() < 0.3;
          const answer = await chat({ model: 'faulty', stream, soak: { fault } });
          wants(fault, answer, 200, 400, 500, 502, 503, 504);
        },
      ],
      bad: [
        8,
        async () => {
          const bearer = chatHeaders();
          const post = (body, headers) => ask('POST', '/v1/chat/completions', body, headers);
          await pick([
            async () => wants('no JSON', await post('{"messages":', bearer), 400),
            async () => wants('no model', await chat({ model: 'nobody’s' }), 400),
            async () => wants('no token', await post('{}', {}), 401),
            async () =>
              wants(
                'unknown',
                await post(chatBody(), { Authorization: `Bearer occ_${'0'.repeat(32)}` }),
                401,
              ),
            async () => wants('nowhere', await ask('GET', `/none/${random()}`), 404),
            () => raw(`GET / HTTP/1.1\r\n${'X-A: b\r\n'.repeat(5000)}\r\n`, 2000),
            () => raw('\x16\x03\x01\x02\x00junk\n\n', 2000),
            () => raw('POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf', 300),
            () => raw('POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 2000),
            () => raw('GET /healthz HTTP/1.1\r\n\r\n'.repeat(50), 200),
          ])();
        },
      ],
      issue: [
        3,
        async () => {
          const { text } = wants('issue', await admin('POST', '/api/admin/tokens', '{"label":"soak"}'), 200);
          const { id } = JSON.parse(text);
          // All go again: tokens that stay are data, and the database keeps in memory what it reads of them.
          wants('delete', await admin('DELETE', `/api/admin/tokens/${id}`), 204);
        },
      ],
      admin: [
        3,
        async () => {
          const paths = ['tokens?limit=100', 'tokens?q=soak&sort=label', 'usage?group=token', 'upstreams'];
          wants('admin', await admin('GET', `/api/admin/${pick(paths)}`), 200);
          wants('metrics', await ask('GET', '/metrics'), 200);
          wants('page', await ask('GET', '/chat'), 200);
          wants('status', await ask('GET', `/api/tokens/${token()}/status`), 200);
        },
      ],
      upload: [
        3,
        async () => {
          const field = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nmain\r\n';
          const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
          const parts = [file, Buffer.alloc(1 << 20, 'x'), '\r\n'];
          const order = random() < 0.5 ? [field, ...parts] : [...parts, field];
          const body = Buffer.concat([...order, '--b--\r\n'].map((part) => Buffer.from(part)));
          const headers = { ...chatHeaders(), 'Content-Type': 'multipart/form-data; boundary=b' };
          wants('upload', await ask('POST', '/v1/audio/transcriptions', body, headers), 200);
        },
      ],
      speech: [
        2,
        async () =>
          wants(
            'speech',
            await ask('POST', '/v1/audio/speech', '{"model":"main","input":"x"}', chatHeaders()),
            200,
          ),
      ],
    };

    const total = Object.values(actions).reduce((sum, [weight]) => sum + weight, 0);
    while (!stopped) {
      let at = random() * total;
      const [name, [, act]] = Object.entries(actions).find(([, [weight]]) => (at -= weight) < 0);
      try {
        await act();
      } catch (error) {
        if (load.odd.length < 20) load.odd.push(`${name}: ${error.message}`);
      }
      load.done[name] = (load.done[name] ?? 0) + 1;
      await new Promise((resolve) => setTimeout(resolve, 20 * random()));
    }
  };
  const random = numbers(seed);
  const all = Array.from({ length: clients }, () => client(numbers(random() * 2 ** 32)));
  load.stop = async () => {
    stopped = true;
    await Promise.all(all);
    agent.destroy();
  };
  return load;
}
