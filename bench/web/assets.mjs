// SPDX-License-Identifier: MIT
// What the server's processor has to do for each file of the pages: sent packed, and not sent because it has not changed.
import { once } from 'node:events';
import { connect } from 'node:net';

const connections = 8;
const requestsEach = 2000;

export async function assets({ server, rounds, say, median }) {
  for (const page of ['chat', 'admin']) {
    const html = await (await fetch(`${server.url}/${page}`)).text();
    const files = [...html.matchAll(/(?:src|href)="(assets[^"]+)"/g)].map(([, path]) => path);
    for (const path of [page, ...files]) {
      const name = path.replace(/^assets\//, '').replace(/-[0-9A-Z]{8}/, '');
      const answer = await fetch(`${server.url}/${path}`, { headers: { 'Accept-Encoding': 'br' } });
      const etag = answer.headers.get('etag');
      const sent = [];
      const unchanged = [];
      for (let round = 0; round < rounds; round += 1) {
        sent.push(await cpuOfEach(server, path, '', 200));
        unchanged.push(await cpuOfEach(server, path, `If-None-Match: ${etag}\r\n`, 304));
      }
      say(`${name} in brotli: CPU of the server`, median(sent), 'µs', 50);
      say(`${name} as 304: CPU of the server`, median(unchanged), 'µs', 50);
    }
  }
}

async function cpuSoFar(server) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)[1]);
}

/** Microseconds of the server's CPU for each of many requests for `path` over a few connections. */
async function cpuOfEach(server, path, headers, status) {
  const request = `GET /${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n${headers}\r\n`;
  const before = await cpuSoFar(server);
  await Promise.all(Array.from({ length: connections }, () => askAgainAndAgain(server, request, status)));
  return ((await cpuSoFar(server)) - before) * (1e6 / (connections * requestsEach));
}

/** The client is as plain as can be: whole answers by their length, one after the other. */
async function askAgainAndAgain(server, request, status) {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  let left = requestsEach;
  let missing = 0; // bytes of the answer that is arriving
  let head = '';
  socket.write(request);
  for await (const chunk of socket) {
    if (missing === 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      if (!head.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`bench: ${head.split('\r\n')[0]}`);
      const length = Number(/^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1] ?? 0);
      missing = length - (head.length - end - 4);
      head = '';
    } else {
      missing -= chunk.length;
    }
    if (missing > 0) continue;
    left -= 1;
    if (left === 0) break;
    socket.write(request);
  }
  socket.destroy();
}
