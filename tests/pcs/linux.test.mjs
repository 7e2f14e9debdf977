// SPDX-License-Identifier: MIT
// PCs as they are: no home folder, another's folder around the bundle, disks that fill up, no network, servers that die,
// proxies that crawl, certificates of a company's own. With the real Node, npm and kernel.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { certificate } from '../fakes/certificate.mjs';
import { FakeOpencat } from '../fakes/opencat_server.mjs';
import { assertSucceeded, hasProgram, place, run, temporaryFolder, tinyApp } from '../templates/helpers.mjs';

const asRoot = process.getuid?.() === 0;
const works = (words) => spawnSync(words[0], words.slice(1)).status === 0;
// Root gets namespaces of its own for the asking; others become root in one, where the kernel allows that.
const mapped = asRoot ? [] : ['--map-root-user'];
const noRoute = ['unshare', '--net', ...mapped];
const ownMounts = ['unshare', '--mount', ...mapped];
const NOBODY = 61234; // no entry in /etc/passwd
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

const skipRoute = works([...noRoute, 'true']) ? false : 'no network namespaces here';
const mountable = works([...ownMounts, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
const skipMount = mountable ? false : 'no tmpfs can be mounted here';
const skipNobody =
  asRoot && hasProgram('setpriv') && works([...asNobody, 'test', '-x', temporaryFolderOfTests()])
    ? false
    : 'only root can become a user without a home';

function temporaryFolderOfTests() {
  return path.dirname(temporaryFolder());
}

let server;
before(async () => (server = await FakeOpencat.start()));
after(() => server.stop());

function tinyPlace(options = {}) {
  const where = temporaryFolder();
  const app = tinyApp(path.join(where, 'app'));
  return { where, ...place(where, { serverUrl: server.url, app, ...options }) };
}

const script = (here, name = 'install.sh') => path.join(here.folder, name);

test('a user without a home folder, and without a name', { skip: skipNobody }, async () => {
  const where = temporaryFolder();
  fs.chmodSync(where, 0o755); // others may pass through
  const here = place(where, { serverUrl: server.url, ownRuntime: true });
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, here.folder]);
  for (const HOME of [undefined, '/nonexistent']) {
    const env = { ...here.env, HOME, NPM_CONFIG_USERCONFIG: undefined };
    // This machine's registry may be named in root's own file.
    env.npm_config_registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
    const { stderr } = assertSucceeded(
      await run(asNobody[0], [...asNobody.slice(1), 'sh', script(here)], { env }),
    );
    assert.doesNotMatch(stderr, /You are root/);
    assert.equal(fs.statSync(path.join(here.folder, 'data/config.json')).uid, NOBODY);
    const launcher = path.join(here.folder, 'opencat-chat');
    assertSucceeded(await run(asNobody[0], [...asNobody.slice(1), launcher, 'hi'], { env }));
    const uninstall = [...asNobody.slice(1), 'sh', script(here, 'uninstall.sh')];
    assertSucceeded(await run(asNobody[0], uninstall, { env }));
  }
});

test(
  'a folder around the bundle that may only be read; then the bundle’s own',
  { skip: skipNobody },
  async () => {
    const here = tinyPlace({ ownRuntime: true });
    fs.chmodSync(here.where, 0o555);
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, here.folder]);
    const as = (...words) => run(asNobody[0], [...asNobody.slice(1), 'sh', ...words], { env: here.env });
    assertSucceeded(await as(script(here)));
    assertSucceeded(await as(script(here, 'uninstall.sh')));
    execFileSync('chown', ['-R', 'root:root', here.folder]);
    fs.chmodSync(path.join(here.folder, 'bundle.json'), 0o644);
    const { code, stderr } = await as(script(here));
    assert.equal(code, 1);
    assert.match(stderr, /cannot be written \(EACCES\)\. Move it to a place of your own/);
    fs.chmodSync(here.where, 0o755);
  },
);

/** Runs sh code where `disk` is a tmpfs of these options, mounted for it alone. */
function onDisk(here, options, code) {
  const disk = path.join(here.where, 'disk');
  fs.mkdirSync(disk, { recursive: true });
  const words = ['sh', '-c', `mount -t tmpfs -o ${options} tmpfs "$disk" && ${code}`];
  const env = { ...here.env, disk, script: script(here) };
  return run(ownMounts[0], [...ownMounts.slice(1), ...words], { env });
}

test('a disk without room is told before anything is made, in figures', { skip: skipMount }, async () => {
  const here = tinyPlace();
  const { code, stderr } = await onDisk(here, 'size=2m', 'sh "$script" --home "$disk/home"');
  assert.equal(code, 1);
  assert.match(stderr, /there are 1 MB free at .*, and 10 MB are needed/);
});

test(
  'a disk that fills up at any moment: told as such, and whole once there is room',
  { skip: skipMount },
  async () => {
    const here = tinyPlace();
    let full = 0;
    for (let files = 2; ; files += 1) {
      // The inodes run out first: each more lets it get one file further.
      const { code, stderr, stdout } = await onDisk(
        here,
        `size=50m,nr_inodes=${files}`,
        `{ sh "$script" --home "$disk"; code=$?; mount -o remount,nr_inodes=1000 "$disk"; ` +
          `[ $code -eq 0 ] && exit 10; [ ! -e "$disk/opencat-chat" ] || exit 11; ` +
          `sh "$script" --home "$disk" --quiet && "$disk/opencat-chat" && exit $code; }`,
      );
      if (code === 10) break;
      assert.equal(code, 1, `${files} files: ${stderr}${stdout}`);
      assert.match(stderr, /the disk is full \(.*\)\. Free some space/, `${files} files`);
      full += 1;
    }
    assert.ok(full >= 6, `only ${full} ways to be full`);
  },
);

test('npm on a full disk: the disk is blamed; with room it goes through', { skip: skipMount }, async () => {
  const here = place(temporaryFolder(), { serverUrl: server.url });
  const code =
    'cp -r "$app" "$app.kept" && mount -t tmpfs -o size=200m,nr_inodes=200 tmpfs "$app" && ' +
    'cp -r "$app.kept/." "$app" && { sh "$script"; code=$?; ' +
    'mount -o remount,nr_inodes=100000 "$app"; sh "$script" --quiet || exit 12; exit $code; }';
  const env = { ...here.env, app: path.join(here.folder, 'lib', 'app'), script: script(here) };
  const outcome = await run(ownMounts[0], [...ownMounts.slice(1), 'sh', '-c', code], { env });
  assert.equal(outcome.code, 1, outcome.stderr);
  assert.match(outcome.stderr, /the disk is full \(npm\)\. Free some space/);
});

test(
  'no network at all: both that cannot be reached are told at once; nothing is left to undo',
  { skip: skipRoute },
  async () => {
    const where = temporaryFolder();
    const here = place(where, { serverUrl: 'http://chat.example' });
    const { code, stderr } = await run(noRoute[0], [...noRoute.slice(1), 'sh', script(here)], {
      env: here.env,
    });
    assert.equal(code, 3);
    assert.match(stderr, /the server http:\/\/chat\.example cannot be reached \(E\w+\)/);
    assert.match(stderr, /npm could not download the packages \(E\w+\)/);
    assert.ok(!fs.existsSync(path.join(here.folder, 'lib/app/node_modules')));
  },
);

test('a server that dies in the middle of its answer, and comes back', async () => {
  const here = tinyPlace();
  server.next('/healthz', (request) => request.socket.destroy());
  server.next('/api/tokens', (request, response, body) => {
    const text = JSON.stringify(server.issue(body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    response.write(text.slice(0, 30), () => request.socket.destroy());
  });
  const { stderr } = assertSucceeded(await here.install());
  assert.equal(stderr.match(/trying again in 1 s/g).length, 2);
  assertSucceeded(await here.chat());
});

test('a server that is gone when a token is kept: the installation goes on with it', async () => {
  const dying = await FakeOpencat.start();
  const here = tinyPlace({ serverUrl: dying.url });
  assertSucceeded(await here.install());
  const { token } = here.config();
  await dying.stop();
  assertSucceeded(await here.install());
  assert.equal(here.config().token, token);
});

/** A proxy that takes its time for each tunnel and for each piece that comes back. */
async function slowProxy(pauseMs) {
  const asked = [];
  const proxy = net.createServer((client) => {
    client.on('error', () => client.destroy());
    client.once('data', (head) => {
      const [, host, port] = head.toString('latin1').match(/^CONNECT ([^:]+):(\d+) /) ?? [];
      asked.push(host);
      setTimeout(() => {
        const upstream = net.connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
        upstream.on('error', () => client.destroy());
        client.pipe(upstream);
        upstream.on('data', (piece) => {
          upstream.pause();
          setTimeout(() => client.write(piece, () => upstream.resume()), pauseMs);
        });
        upstream.on('end', () => setTimeout(() => client.end(), pauseMs));
        client.on('close', () => upstream.destroy());
      }, pauseMs);
    });
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { asked, url: `http://127.0.0.1:${proxy.address().port}`, stop: () => proxy.close() };
}

test('a slow proxy is used, and waited for', { timeout: 60000 }, async () => {
  const proxy = await slowProxy(1500);
  try {
    const here = tinyPlace({
      serverUrl: server.url.replace('127.0.0.1', 'chat.example'), // a name that the proxy alone knows
      env: { HTTP_PROXY: proxy.url, http_proxy: proxy.url, NO_PROXY: '', no_proxy: '' },
    });
    assertSucceeded(await here.install());
    assert.ok(proxy.asked.includes('chat.example'), String(proxy.asked));
    assertSucceeded(await here.chat());
  } finally {
    proxy.stop();
  }
});

/** TLS, with a certificate that nobody knows, in front of a port. */
async function secured(port, folder) {
  const { key, cert, file } = certificate(folder, ['127.0.0.1']);
  const front = tls.createServer({ key, cert }, (client) => {
    const upstream = net.connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    client.pipe(upstream).pipe(client);
  });
  front.on('tlsClientError', () => {}); // who does not trust it leaves
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  return { url: `https://127.0.0.1:${front.address().port}`, file, stop: () => front.close() };
}

test('a certificate that the PC does not trust: 3 at once, with the cure; and the cures', async () => {
  const front = await secured(new URL(server.url).port, temporaryFolder());
  try {
    const here = tinyPlace({ serverUrl: front.url });
    const refused = await here.install();
    assert.equal(refused.code, 3);
    assert.match(
      refused.stderr,
      /certificate of https:.* is not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    );
    assert.match(refused.stderr, /set NODE_EXTRA_CA_CERTS/);
    assert.doesNotMatch(refused.stderr, /trying again/);
    // As the words say; and as a PC's own store says, which SSL_CERT_FILE stands for on Linux.
    for (const cure of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
      const env = { ...here.env, [cure]: front.file };
      assertSucceeded(await run('sh', [script(here)], { env }));
      assertSucceeded(await run('sh', [script(here, 'uninstall.sh')], { env }));
    }
  } finally {
    front.stop();
  }
});

test('a registry whose certificate is not trusted: 3, with the cure', async () => {
  const front = await secured(new URL(server.url).port, temporaryFolder());
  try {
    const here = place(temporaryFolder(), {
      serverUrl: server.url,
      env: { npm_config_registry: `${front.url}/`, NODE_EXTRA_CA_CERTS: undefined, SSL_CERT_FILE: undefined },
    });
    const { code, stderr } = await here.install();
    assert.equal(code, 3, stderr);
    assert.match(stderr, /certificate of the npm registry is not trusted here \(\w*SELF_SIGNED\w*\)/);
    assert.match(stderr, /set NODE_EXTRA_CA_CERTS/);
  } finally {
    front.stop();
  }
});

/** An app with one package, that lies in the bundle and has an install script. */
function appWithScript(folder, scripts) {
  tinyApp(folder);
  const made = path.join(folder, 'made', 'package');
  fs.mkdirSync(made, { recursive: true });
  const hook = `node -e "require('fs').writeFileSync('ran', '')"`;
  fs.writeFileSync(
    path.join(made, 'package.json'),
    JSON.stringify({ name: 'hooked', version: '1.0.0', scripts: { postinstall: hook } }),
  );
  execFileSync('tar', ['-czf', path.join(folder, 'hooked.tgz'), '-C', path.dirname(made), 'package']);
  fs.rmSync(path.dirname(made), { recursive: true });
  const file = path.join(folder, 'package.json');
  const declared = JSON.parse(fs.readFileSync(file, 'utf8'));
  declared.dependencies = { hooked: 'file:hooked.tgz' };
  declared.opencat.scripts = scripts;
  fs.writeFileSync(file, JSON.stringify(declared));
  const lock = ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--silent'];
  execFileSync('npm', lock, { cwd: folder });
  return folder;
}

for (const scripts of [true, false]) {
  test(
    `packages' install scripts ${scripts ? 'run' : 'do not run'} where the app declares scripts: ${scripts}`,
    { skip: skipRoute },
    async () => {
      const where = temporaryFolder();
      const app = appWithScript(path.join(where, 'app'), scripts);
      const grant = { ...server.issue({}), install_id: 'dc3a18ad-3b31-4b8e-9d0a-7f8b7c9f0f57' };
      const here = place(where, { serverUrl: server.url, app, token: grant });
      // All that npm needs is in the bundle: it asks nobody, which a PC without a route shows.
      const { stderr } = await run(noRoute[0], [...noRoute.slice(1), 'sh', script(here)], { env: here.env });
      const installed = path.join(here.folder, 'lib/app/node_modules/hooked');
      assert.ok(fs.existsSync(installed), stderr);
      assert.equal(fs.existsSync(path.join(installed, 'ran')), scripts);
    },
  );
}
