// SPDX-License-Identifier: MIT
// A real nginx before several servers, as an operator would put one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from './http.mjs';
import { freePort, newFolder } from './server.mjs';

const binary = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
export const noNginx = binary ? false : 'skipped: nginx is not installed (Debian’s package nginx-light)';

/** The origin at which it listens; requests go to each of the servers in turn, and streams pass unbuffered. */
export async function startNginx(t, servers) {
  const folder = await newFolder();
  const port = await freePort();
  const config = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 8192; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      upstream opencat { ${servers.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} keepalive 64; }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://opencat; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_buffering off;
          proxy_next_upstream error; proxy_connect_timeout 5s;
        }
      }
    }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const child = spawn(binary, ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  await eventually(
    () =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('connect', () => (socket.destroy(), resolve(true)));
        socket.on('error', () => resolve(false));
      }),
    'an nginx that listens',
  );
  return `http://127.0.0.1:${port}`;
}
