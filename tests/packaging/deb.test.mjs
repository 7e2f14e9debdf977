// SPDX-License-Identifier: MIT
// The .deb that `./dev deb` makes, installed, upgraded over a running stream and removed by the real dpkg, in a Debian
// made by debootstrap. No systemd runs there: what the unit says is started by hand, and a stub of systemctl tells what
// the package's scripts would have it do.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { repository } from '../cli/helpers.mjs';
import { startUpstream } from '../fakes/upstream.mjs';
import { noRoots } from '../pcs/roots.mjs';
import { ask, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { freePort, newFolder, tokenRequest } from '../support/server.mjs';

const debian = join(repository, 'build', 'deb-root');
const releases = join(repository, 'build', 'releases');
const deb = existsSync(releases) && readdirSync(releases).find((name) => name.endsWith('_amd64.deb'));
const skip =
  noRoots ||
  (!deb && 'there is no .deb: ./dev deb makes it') ||
  (!existsSync(join(debian, 'ready')) && 'there is no build/deb-root: ./dev deb-root makes it');

let dir;
let root;
before(async () => {
  dir = await newFolder();
  if (skip) return;
  root = join(dir, 'root');
  execFileSync('cp', ['-a', '--reflink=auto', debian, root]);
});
after(() => rmSync(dir, { recursive: true, force: true }));

/** Runs words in the root: what they wrote. */
function inRoot(...words) {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  const done = spawnSync('/usr/sbin/chroot', [root, ...words], { encoding: 'utf8', env });
  assert.equal(done.status, 0, `${words.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout + done.stderr;
}

/** The package, or one of a later version with the same files, in the root's /tmp. */
function bring(version) {
  const file = join(root, 'tmp', `${version ?? 'first'}.deb`);
  if (!version) execFileSync('cp', [join(releases, deb), file]);
  else {
    const open = join(dir, 'opened');
    execFileSync('dpkg-deb', ['-R', join(releases, deb), open]);
    const control = join(open, 'DEBIAN', 'control');
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, `Version: ${version}`));
    execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '-b', open, file], { stdio: 'ignore' });
  }
  return file.slice(root.length);
}

/** From now on systemd seems to run: each call of systemctl is a line of /calls; a kill really signals `pid`. */
function pretendSystemd(pid) {
  mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  const stub = join(root, 'usr/bin/systemctl');
  writeFileSync(stub, `#!/bin/sh\necho "$*" >>/calls\ncase $1 in kill) kill -s USR2 ${pid} ;; esac\n`);
  chmodSync(stub, 0o755);
  return () => readFileSync(join(root, 'calls'), 'utf8').trim().split('\n');
}

test(
  'installed, it serves as its unit says; upgraded, the stream goes on; removed, it is gone',
  { skip },
  async (t) => {
    const upstream = await startUpstream();
    t.after(() => upstream.stop());
    inRoot('dpkg', '-i', bring());
    assert.match(inRoot('/usr/bin/opencat', '--version'), /^opencat \d/);
    for (const file of ['usr/share/man/man1/opencat-serve.1.gz', 'etc/opencat/opencat.toml'])
      assert.ok(existsSync(join(root, file)), file);
    assert.deepEqual(readdirSync(join(root, 'etc/systemd/system/sockets.target.wants')), ['opencat.socket']);

    // What systemd would do: hold the socket, and start what the unit says as a user of its own.
    const unit = readFileSync(join(root, 'lib/systemd/system/opencat.service'), 'utf8');
    const command = /^ExecStart=(.*)$/m.exec(unit)[1].split(' ');
    const state = join(root, 'var/lib/opencat');
    execFileSync('install', ['-d', '-m', '0700', '-o', '61234', '-g', '61234', state]);
    const port = await freePort();
    const settings = { OPENCAT_UPSTREAM_URL: upstream.url, OPENCAT_UPSTREAM_MODEL: 'm' };
    const data = /^Environment=(OPENCAT_DATA_DIR=.*)$/m.exec(unit)[1];
    const env = [data, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)];
    const mount = 'mount -t proc proc "$1/proc" && exec chroot --userspec=61234:61234 "$@"';
    const words = ['--mount', 'systemd-socket-activate', '-l', `127.0.0.1:${port}`];
    for (const one of env) words.push('-E', one);
    const child = spawn('unshare', [...words, 'sh', '-c', mount, 'sh', root, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    for (const name of ['stdout', 'stderr']) child[name].on('data', (text) => (log += text));
    t.after(() => child.kill('SIGKILL'));
    const origin = `http://127.0.0.1:${port}`;
    const early = await eventually(() => connect(port).catch(() => null), 'a socket that listens');
    early.close();
    await eventually(() => log.includes('opencat serves'), `the server: ${log}`);
    const secret = readFileSync(join(state, 'admin-secret'), 'utf8').trim();
    const headers = { 'X-Admin-Secret': secret, 'Content-Type': 'application/json' };
    const issued = await ask(`${origin}/api/tokens`, {
      method: 'POST',
      headers,
      body: JSON.stringify(tokenRequest()),
    });
    const { token } = issued.json();

    const begun = chatStream({ origin }, token, hello);
    const model = await upstream.next();
    model.say('one');
    const stream = await begun;
    await stream.next();
    const calls = pretendSystemd(child.pid);
    writeFileSync(join(root, 'etc/opencat/opencat.toml'), '# mine\n');
    inRoot('dpkg', '-i', '--force-confold', bring('99.0'));
    assert.ok(
      calls().some((call) => /^kill .*SIGUSR2 opencat\.service/.test(call)),
      calls().join(),
    );
    assert.ok(!calls().some((call) => /^(re)?start|^stop|^try-restart/.test(call)), calls().join());
    await eventually(() => log.includes('serves now'), 'the next one');
    assert.equal((await ask(`${origin}/healthz`)).status, 200);
    model.say('two');
    model.done();
    assert.equal((await stream.rest()).at(-1), '[DONE]');
    assert.equal((await once(child, 'exit'))[0], 0);
    process.kill(Number(/process (\d+) serves now/.exec(log)[1]), 'SIGTERM');
    assert.equal(readFileSync(join(root, 'etc/opencat/opencat.toml'), 'utf8'), '# mine\n');

    inRoot('dpkg', '-r', 'opencat');
    assert.ok(
      calls().some((call) => /stop.*opencat/.test(call)),
      calls().join(),
    );
    assert.ok(!existsSync(join(root, 'usr/bin/opencat')));
    assert.ok(existsSync(join(root, 'etc/opencat/opencat.toml')), 'settings stay until the purge');
    assert.match(inRoot('dpkg', '-P', 'opencat'), /are left in \/var\/lib\/opencat/);
    assert.ok(!existsSync(join(root, 'etc/opencat/opencat.toml')));
    assert.ok(existsSync(join(state, 'opencat.db')), 'the data stay even then');
    assert.deepEqual(
      readdirSync(join(root, 'etc/systemd/system'), { recursive: true }).filter((name) =>
        /opencat/.test(name),
      ),
      [],
    );
  },
);

test('lintian finds no error', { skip: !deb && 'there is no .deb: ./dev deb makes it' }, (t) => {
  if (spawnSync('lintian', ['--version']).error) return t.skip('there is no lintian');
  const words = ['--fail-on', 'error', '--allow-root', join(releases, deb)];
  const { status, stdout } = spawnSync('lintian', words, { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});
