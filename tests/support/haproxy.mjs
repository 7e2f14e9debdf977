// SPDX-License-Identifier: MIT
// A real HAProxy before several servers: the example of packaging/proxies as it is, but with as many servers as are
// given, a port of its own, and neither TLS nor a path before theirs.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon } from './daemon.mjs';
import { changed, example } from './proxy_examples.mjs';
import { freePort, newFolder } from './server.mjs';

const binary = ['/usr/sbin/haproxy', '/usr/bin/haproxy'].find(existsSync);
export const noHaproxy = binary ? false : 'skipped: HAProxy is not installed (Debian’s package haproxy)';

/** The origin at which it listens; requests go to each of the servers in turn, and streams pass unbuffered. */
export async function startHaproxy(t, servers) {
  const folder = await newFolder();
  const port = await freePort();
  const lines = servers.map((server, i) => `server node${i + 1} 127.0.0.1:${server.port} check`);
  const config = changed(example('haproxy.cfg'), [
    ['bind :443 ssl crt /etc/ssl/opencat/both.pem alpn h2,http/1.1', `bind 127.0.0.1:${port}`],
    ['use_backend opencat if { path /opencat } || { path_beg /opencat/ }', 'default_backend opencat'],
    ['server one 127.0.0.1:3000 check', lines.join('\n    ')],
    ['log /dev/log local0', 'log stderr format raw local0 warning'],
  ]);
  await writeFile(join(folder, 'haproxy.cfg'), config);
  const origin = `http://127.0.0.1:${port}`;
  await startDaemon(t, binary, ['-db', '-f', join(folder, 'haproxy.cfg')], {
    folder,
    url: `${origin}/readyz`,
  });
  return origin;
}
