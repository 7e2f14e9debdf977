// SPDX-License-Identifier: MIT
// The app's own configuration in the user's home: what is set, what is the user's and stays, what uninstalling takes back.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { FakeOpencat } from '../fakes/opencat_server.mjs';
import { assertSucceeded, mode, place, readJson, temporaryFolder, tinyApp } from './helpers.mjs';

let server;
before(async () => (server = await FakeOpencat.start({})));
after(() => server.stop());

const provider = { baseUrl: '{{proxy_base_url}}', apiKey: '{{token}}', models: [{ id: 'auto' }] };
const merge = {
  models: { providers: { proxy: provider } },
  agents: { defaults: { model: { primary: 'proxy/auto' } } },
};
const FILE = '.claw/claw.json';

/** An unpacked bundle whose app configures ~/.claw/claw.json; `had` is what stands there before. */
function desk({ had, config = [{ file: `~/${FILE}`, merge }] } = {}) {
  const where = temporaryFolder();
  const app = tinyApp(path.join(where, 'app'), config);
  const here = place(where, { serverUrl: server.url, app, deps: 'bundled' });
  const file = path.join(here.env.HOME, FILE);
  if (had !== undefined) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, had, { mode: 0o644 });
  }
  const install = async () => assertSucceeded(await here.install('--no-browser', '--no-shortcut'));
  const uninstall = async () => assertSucceeded(await here.uninstall());
  const declare = (changed) => {
    const bundle = path.join(here.folder, 'bundle.json');
    const document = readJson(bundle);
    document.app.config = changed;
    fs.writeFileSync(bundle, JSON.stringify(document));
  };
  return { ...here, file, install, uninstall, declare };
}

test('a new file gets the values, is private, and goes again with the folder made for it', async () => {
  const here = desk();
  await here.install();
  const { token, proxy_base_url } = here.config();
  assert.deepEqual(readJson(here.file), {
    models: { providers: { proxy: { ...provider, baseUrl: proxy_base_url, apiKey: token } } },
    agents: { defaults: { model: { primary: 'proxy/auto' } } },
  });
  assert.equal(mode(here.file), 0o600);
  assert.ok(!fs.readFileSync(path.join(here.folder, 'data/receipt.json'), 'utf8').includes(token));
  const before = fs.statSync(here.file).mtimeMs;
  await here.install();
  assert.equal(fs.statSync(here.file).mtimeMs, before, 'nothing to change, nothing written');
  await here.uninstall();
  assert.ok(!fs.existsSync(path.dirname(here.file)));
});

test('what the user has stays: other values, an own choice, the indentation; uninstalling takes ours alone', async () => {
  const mine = {
    theme: 'dark',
    models: { providers: { other: { apiKey: 'k' } } },
    agents: { defaults: { model: { primary: 'other/best' } } },
  };
  const had = `${JSON.stringify(mine, null, 4)}\n`;
  const here = desk({ had });
  const { stderr, stdout } = await here.install();
  assert.match(stderr + stdout, /Left as you have it: agents\.defaults\.model\.primary/);
  const now = readJson(here.file);
  assert.equal(now.agents.defaults.model.primary, 'other/best');
  assert.equal(now.models.providers.proxy.apiKey, here.config().token);
  assert.deepEqual(now.models.providers.other, { apiKey: 'k' });
  assert.equal(mode(here.file), 0o600, 'it holds the token now');
  assert.match(fs.readFileSync(here.file, 'utf8'), /^ {4}"theme"/m);
  await here.uninstall();
  assert.equal(fs.readFileSync(here.file, 'utf8'), had);
});

test('installed again: what is still ours follows, what the user changed since does not', async () => {
  const here = desk();
  await here.install();
  const changed = readJson(here.file);
  changed.agents.defaults.model.primary = 'other/best';
  changed.models.providers.proxy.models.push({ id: 'mine' });
  fs.writeFileSync(here.file, JSON.stringify(changed));
  // Another token: the server no longer knows the old one.
  server.tokens.clear();
  await here.install();
  const now = readJson(here.file);
  assert.notEqual(now.models.providers.proxy.apiKey, changed.models.providers.proxy.apiKey);
  assert.equal(now.models.providers.proxy.apiKey, here.config().token);
  assert.equal(now.agents.defaults.model.primary, 'other/best');
  assert.deepEqual(now.models.providers.proxy.models, [{ id: 'auto' }, { id: 'mine' }]);
  await here.uninstall();
  assert.deepEqual(readJson(here.file), {
    models: { providers: { proxy: { models: [{ id: 'auto' }, { id: 'mine' }] } } },
    agents: { defaults: { model: { primary: 'other/best' } } },
  });
});

test('a later bundle that no longer says a value, or a file, takes it back', async () => {
  const here = desk();
  await here.install();
  here.declare([{ file: `~/${FILE}`, merge: { agents: merge.agents } }]);
  await here.install();
  assert.deepEqual(readJson(here.file), { agents: merge.agents });
  here.declare([]);
  await here.install();
  assert.ok(!fs.existsSync(here.file));
});

test('a file that is not plain JSON is left to the byte; what to add stands in a file of ours', async () => {
  for (const had of ['{ // mine\n  theme: "dark",\n}\n', '[1]', '{"half":']) {
    const here = desk({ had });
    const { stderr, stdout } = await here.install();
    assert.match(stderr + stdout, /not plain JSON.*add-to-claw\.json/);
    assert.equal(fs.readFileSync(here.file, 'utf8'), had);
    assert.equal(mode(here.file), 0o644);
    const wanted = path.join(here.folder, 'data', 'add-to-claw.json');
    assert.equal(readJson(wanted).models.providers.proxy.apiKey, here.config().token);
    assert.equal(mode(wanted), 0o600);
    await here.uninstall();
    assert.equal(fs.readFileSync(here.file, 'utf8'), had);
    assert.ok(!fs.existsSync(wanted));
  }
});

test('a link stays a link, and what stands in the way of an object is the user’s', async () => {
  const here = desk({ had: '{"models": "none"}' });
  const kept = path.join(here.env.HOME, 'dotfiles.json');
  fs.renameSync(here.file, kept);
  fs.symlinkSync(kept, here.file);
  await here.install();
  assert.ok(fs.lstatSync(here.file).isSymbolicLink());
  assert.deepEqual(readJson(kept), { models: 'none', agents: merge.agents });
  await here.uninstall();
  assert.deepEqual(readJson(kept), { models: 'none' });
});

test('a value that the user had already is not ours to take', async () => {
  const here = desk({ had: JSON.stringify({ agents: merge.agents }) });
  await here.install();
  await here.uninstall();
  assert.deepEqual(readJson(here.file), { agents: merge.agents });
});
