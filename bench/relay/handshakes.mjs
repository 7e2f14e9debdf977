// SPDX-License-Identifier: MIT
// How often a server shakes hands with an upstream over TLS while 32 clients keep it busy.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';

/** `startOpencat` and `load` are the benchmark's own. */
export async function countHandshakes(dir, startOpencat, load, seconds) {
  const [key, cert] = ['tls.key', 'tls.pem'].map((name) => join(dir, name));
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const output = ['-keyout', key, '-out', cert];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...output],
    { stdio: 'ignore' },
  );
  let handshakes = 0;
  let requests = 0;
  const body =
    '{"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}';
  const upstream = https.createServer(
    { key: await readFile(key), cert: await readFile(cert), keepAliveTimeout: 60_000 },
    (request, response) => {
      request.resume();
      request.on('end', () => {
        ++requests;
        response
          .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
          .end(body);
      });
    },
  );
  upstream.on('secureConnection', () => ++handshakes);
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = `https://127.0.0.1:${upstream.address().port}/v1`;
  const server = await startOpencat(url, 'tls', { env: { SSL_CERT_FILE: cert } });
  await load('whole', server, 32, seconds);
  server.child.kill();
  await once(server.child, 'exit');
  upstream.close();
  upstream.closeAllConnections();
  return { handshakes, requests };
}
