// SPDX-License-Identifier: MIT
// The shortcut and the browser, on a Linux desktop made of files: a home with a desktop folder, an xdg-open that notes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { FakeOpencat, sendJson } from '../fakes/opencat_server.mjs';
import { assertSucceeded, hasProgram, place, run, start, temporaryFolder, tinyApp } from './helpers.mjs';

const TERMINAL = '小 - 张三_A（终端）.desktop';
const skip = process.platform === 'linux' ? false : 'a Linux desktop is needed';
let server;
before(async () => (server = await FakeOpencat.start()));
after(() => server.stop());

function desktopPlace(changes = {}) {
  const where = temporaryFolder();
  const home = path.join(where, 'home');
  const desktop = path.join(home, '桌面');
  fs.mkdirSync(path.join(home, '.config'), { recursive: true });
  fs.mkdirSync(desktop);
  fs.writeFileSync(path.join(home, '.config', 'user-dirs.dirs'), '# made\nXDG_DESKTOP_DIR="$HOME/桌面"\n');
  const tools = path.join(where, 'tools');
  fs.mkdirSync(tools);
  const opened = path.join(where, 'opened');
  fs.writeFileSync(
    path.join(tools, 'xdg-open'),
    `#!/bin/sh\nprintf '%s' "$1" >'${opened}.new'\nmv '${opened}.new' '${opened}'\n`,
    { mode: 0o755 },
  );
  const env = { DISPLAY: ':99', PATH: `${tools}:${process.env.PATH}`, LC_ALL: 'zh_CN.UTF-8', ...changes };
  const here = place(where, {
    serverUrl: server.url,
    app: tinyApp(path.join(where, 'app')),
    bundle: { label: '张三/A' },
    env,
  });
  return { ...here, desktop, opened };
}

async function appeared(file) {
  const end = Date.now() + 10000;
  while (!fs.existsSync(file)) {
    assert.ok(Date.now() < end, `${file} did not appear`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return fs.readFileSync(file, 'utf8');
}

test(
  'the page opens, by its path, and the shortcut is on the desktop under its Chinese name',
  { skip },
  async () => {
    const here = desktopPlace();
    const { stdout } = assertSucceeded(await here.install());
    assert.match(stdout, /正在打开/);
    const page = path.join(here.folder, 'open-chat.html');
    assert.equal(await appeared(here.opened), page);
    assert.deepEqual(fs.readdirSync(here.desktop).sort(), ['小 - 张三_A.desktop', TERMINAL]);
    const entry = fs.readFileSync(path.join(here.desktop, '小 - 张三_A.desktop'), 'utf8');
    assert.ok(entry.includes(`\nExec=xdg-open "${page}"\n`), entry);
    assert.ok(!entry.includes('occ_'));
    const second = fs.readFileSync(path.join(here.desktop, TERMINAL), 'utf8');
    assert.match(second, /^Terminal=true$/m);
    const [, program] = second.match(/^Exec="(.*)"$/m);
    assert.deepEqual(
      JSON.parse(assertSucceeded(await run(program, [], { env: here.env })).stdout).arguments,
      ['--fixed'],
    );
  },
);

test('a desktop that cannot be written to: it is said, and nothing is recorded of it', { skip }, async () => {
  const here = desktopPlace({ DISPLAY: '', LC_ALL: 'C.UTF-8' });
  fs.mkdirSync(path.join(here.desktop, 'Tiny - 张三_A.desktop.new')); // stops root, too
  const { stderr } = assertSucceeded(await here.install());
  assert.match(stderr, /desktop cannot be written \(EISDIR\); open .*open-chat\.html/);
  assert.ok(!fs.readFileSync(path.join(here.folder, 'data/receipt.json'), 'utf8').includes('.desktop'));
});

test('--no-shortcut and --no-browser are respected', { skip }, async () => {
  const here = desktopPlace();
  const { stdout } = assertSucceeded(await here.install('--no-shortcut', '--no-browser'));
  assert.match(stdout, /打开 .*open-chat\.html/);
  assert.deepEqual(fs.readdirSync(here.desktop), []);
  assert.ok(!fs.existsSync(here.opened));
});

test("a file of the user's with the same name stays; ours is made once and removed", { skip }, async () => {
  const here = desktopPlace({ DISPLAY: '' });
  const theirs = path.join(here.desktop, '小 - 张三_A.desktop');
  fs.writeFileSync(theirs, 'theirs');
  assertSucceeded(await here.install());
  assertSucceeded(await here.install());
  assert.deepEqual(fs.readdirSync(here.desktop).sort(), [
    '小 - 张三_A 2.desktop',
    '小 - 张三_A.desktop',
    TERMINAL,
  ]);
  assertSucceeded(await here.uninstall());
  assert.deepEqual(fs.readdirSync(here.desktop), ['小 - 张三_A.desktop']);
  assert.equal(fs.readFileSync(theirs, 'utf8'), 'theirs');
});

test('a shortcut that the user changed survives uninstalling', { skip }, async () => {
  const here = desktopPlace({ DISPLAY: '' });
  assertSucceeded(await here.install());
  const file = path.join(here.desktop, '小 - 张三_A.desktop');
  fs.appendFileSync(file, 'Comment=mine\n');
  const { stdout } = assertSucceeded(await here.uninstall());
  assert.ok(stdout.includes(file), stdout);
  assert.ok(fs.existsSync(file));
});

const noTerminal = hasProgram('script')
  ? false
  : 'script (util-linux) makes the terminal, and it is not here';

test(
  'on a terminal a spinner shows that it goes on; elsewhere there are plain lines',
  { skip: noTerminal },
  async () => {
    const here = desktopPlace({ DISPLAY: '', LC_ALL: 'C.UTF-8', TERM: 'xterm' });
    const line = `sh '${path.join(here.folder, 'install.sh')}' --no-browser`;
    const slowly = (until) =>
      server.next('/healthz', async (request, response) => {
        await until();
        sendJson(response, 200, { status: 'ok' });
      });
    let spun;
    slowly(() => spun);
    const shown = start('script', ['-qefc', line, '/dev/null'], { env: here.env });
    spun = shown.until(/\r {6}[|/\\-] \d+ s/); // the server answers only once it was seen
    assert.equal((await shown.done).code, 0, shown.output);
    assert.match(
      shown.output,
      /s\r\x1b\[K\[2\/6\]|s\r\x1b\[K {6}You are root/,
      'it is gone before the next line',
    );
    assertSucceeded(await here.uninstall());
    slowly(() => new Promise((resolve) => setTimeout(resolve, 400)));
    const { stderr } = assertSucceeded(await here.install('--no-browser'));
    assert.equal(stderr.search(/[\r\x1b]/), -1);
  },
);
