// SPDX-License-Identifier: MIT
// A name server on loopback that knows some names' IPv4 addresses (RFC 1035), and counts what it was asked.
import { createSocket } from 'node:dgram';

/** names: { 'mirror.example': '127.0.0.1' }. Resolvers ask port 53 only, which takes root. */
export async function startDns(names, address) {
  const socket = createSocket('udp4');
  const asked = [];
  socket.on('message', (query, from) => {
    const labels = [];
    let at = 12;
    for (; query[at] > 0; at += query[at] + 1)
      labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    const name = labels.join('.').toLowerCase();
    asked.push(name);
    const question = query.subarray(12, at + 5);
    const wantsIpv4 = query.readUInt16BE(at + 1) === 1;
    const found = wantsIpv4 ? names[name] : undefined;
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(name in names ? 0x8180 : 0x8183, 2); // an answer; no such name
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found ? 1 : 0, 6);
    // A pointer to the question's name, type A, class IN, for a minute.
    const answer = found
      ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...found.split('.').map(Number)])
      : Buffer.alloc(0);
    socket.send(Buffer.concat([header, question, answer]), from.port, from.address);
  });
  await new Promise((resolve, reject) => socket.once('error', reject).bind(53, address, resolve));
  return { asked, stop: () => new Promise((resolve) => socket.close(resolve)) };
}
