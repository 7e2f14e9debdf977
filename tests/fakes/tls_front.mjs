// SPDX-License-Identifier: MIT
// TLS before a server that has none: what a provider far away looks like. It counts its connections.
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { certificate } from './certificate.mjs';

/** {port, file, connections, stop()}: `file` is the certificate to trust, for localhost and 127.0.0.1. */
export async function startTlsFront(folder, behind) {
  const { key, cert, file } = certificate(folder, ['localhost', '127.0.0.1']);
  const sockets = new Set();
  const server = tls.createServer({ key, cert, ALPNProtocols: ['h2', 'http/1.1'] }, (client) => {
    ++front.connections;
    front.protocols.add(client.alpnProtocol);
    const inner = net.connect(behind, '127.0.0.1');
    for (const one of [client, inner]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => (client.destroy(), inner.destroy()));
    }
    client.pipe(inner).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const front = {
    port: server.address().port,
    file,
    connections: 0,
    protocols: new Set(),
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return front;
}
