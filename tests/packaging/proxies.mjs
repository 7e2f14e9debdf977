// SPDX-License-Identifier: MIT
// Runs the reverse proxies of packaging/proxies as they are, but for ports, files and one patience.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, eventually } from '../support/http.mjs';
import { changed, example } from '../support/proxy_examples.mjs';

/** {file, command} per proxy: writes what it reads into `at.dir`, and says how it is started in the foreground. */
const proxies = {
  nginx(at) {
    const site = changed(example('nginx.conf'), [
      ['listen 443 ', `listen 127.0.0.1:${at.port} `],
      ['127.0.0.1:3000', `127.0.0.1:${at.serverPort}`],
      ['/etc/ssl/opencat/fullchain.pem', at.cert],
      ['/etc/ssl/opencat/privkey.pem', at.key],
      ['/var/log/nginx/', `${at.dir}/`],
      ['proxy_read_timeout 75s', `proxy_read_timeout ${at.patience_s}s`],
    ]);
    writeFileSync(join(at.dir, 'site.conf'), site);
    // A folder of its own for what Debian's nginx keeps in /var/lib, so that any user can run this.
    const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const folders = kept.map((name) => `${name}_temp_path ${at.dir}/${name};`).join('\n');
    writeFileSync(
      join(at.dir, 'nginx.conf'),
      `daemon off;\npid ${at.dir}/nginx.pid;\nworker_processes 2;\nevents {}\n` +
        `http {\naccess_log ${at.dir}/access.log;\n${folders}\ninclude ${at.dir}/site.conf;\n}\n`,
    );
    return ['nginx', '-p', at.dir, '-c', join(at.dir, 'nginx.conf'), '-e', join(at.dir, 'error.log')];
  },

  haproxy(at) {
    writeFileSync(join(at.dir, 'both.pem'), readFileSync(at.cert) + readFileSync(at.key));
    const config = changed(example('haproxy.cfg'), [
      ['bind :443 ', `bind 127.0.0.1:${at.port} `],
      ['127.0.0.1:3000', `127.0.0.1:${at.serverPort}`],
      ['/etc/ssl/opencat/both.pem', join(at.dir, 'both.pem')],
      ['log /dev/log local0', 'log stderr format raw local0'],
      ['timeout client 75s', `timeout client ${at.patience_s}s`],
      ['timeout server 75s', `timeout server ${at.patience_s}s`],
    ]);
    writeFileSync(join(at.dir, 'haproxy.cfg'), config);
    return ['haproxy', '-db', '-f', join(at.dir, 'haproxy.cfg')];
  },

  caddy(at) {
    const config = changed(example('Caddyfile'), [
      ['chat.example.com {', `https://localhost:${at.port} {\n\tbind 127.0.0.1\n\ttls ${at.cert} ${at.key}`],
      ['127.0.0.1:3000', `127.0.0.1:${at.serverPort}`],
      ['\n{\n', '\n{\n\tadmin off\n\tauto_https off\n'],
    ]);
    writeFileSync(join(at.dir, 'Caddyfile'), config);
    return ['caddy', 'run', '--adapter', 'caddyfile', '--config', join(at.dir, 'Caddyfile')];
  },
};

/**
 * Starts one of them before the server on `serverPort`: {log(), stop()}. It waits `patience_s` for a silent stream;
 * `url` is what it must answer before this resolves.
 */
export async function startProxy(name, at, url, ca) {
  mkdirSync(at.dir, { recursive: true });
  const [program, ...args] = proxies[name](at);
  const env = { ...process.env, HOME: at.dir, XDG_DATA_HOME: at.dir, XDG_CONFIG_HOME: at.dir };
  const child = spawn(program, args, { cwd: at.dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += text));
  const ended = once(child, 'close');
  ended.catch(() => {}); // it is told below
  const running = () => {
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`${name} ended: ${log}`);
  };
  await eventually(async () => {
    running();
    return ask(url, { ca }).then(
      ({ status }) => status === 200,
      () => false,
    );
  }, `${name} that answers ${url}`).catch((error) => {
    child.kill('SIGKILL');
    throw new Error(`${error.message}: ${log}`);
  });
  return {
    log: () => log,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
