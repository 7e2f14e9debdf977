// SPDX-License-Identifier: MIT
// The doors a user opens: what they are byte by byte, and what they say when Node cannot start.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { templates } from '../fakes/bundle.mjs';
import { FakeOpencat } from '../fakes/opencat_server.mjs';
import {
  assertSucceeded,
  hasProgram,
  place,
  run,
  SHELLS,
  start,
  temporaryFolder,
  tinyApp,
  userEnvironment,
} from './helpers.mjs';

const read = (name) => fs.readFileSync(path.join(templates, name));
const code = (name) =>
  read(name)
    .toString('latin1')
    .split('\r\n')
    .filter((line) => !/^\s*(rem|echo)\b/i.test(line))
    .join('\n');

for (const name of ['install.bat', 'uninstall.bat', 'setup/launcher.bat']) {
  test(`${name} is what cmd.exe reads the same on every PC`, () => {
    const bytes = read(name);
    assert.ok(
      bytes.every((byte) => byte < 0x80),
      'pure ASCII',
    );
    const text = bytes.toString('latin1');
    assert.equal(text.replaceAll('\r\n', '').search(/[\r\n\t]/), -1, 'CRLF and nothing else');
    assert.ok(text.endsWith('\r\n'));
    assert.ok(text.startsWith('@echo off\r\n'));
    assert.match(text, /^setlocal DisableDelayedExpansion\r$/m);
    assert.doesNotMatch(code(name), /powershell|curl|EnableDelayedExpansion|chcp|set \/p/i);
    assert.doesNotMatch(code(name), /\bcall\b/i, 'call expands % once more and doubles ^');
    assert.doesNotMatch(code(name), /![A-Za-z]+!/, 'no delayed expansion');
    assert.doesNotMatch(code(name), /\($/m, 'no blocks: a path with ) would end them');
    for (const line of code(name).split('\n')) {
      for (const use of line.matchAll(/%~dp0/g)) {
        const quotes = line.slice(0, use.index).split('"').length - 1;
        assert.equal(quotes % 2, 1, `a path outside quotes: ${line}`);
      }
    }
    assert.match(text, /\r\nexit \/b %CODE%\r\n$/, 'the exit code goes through, last');
  });
}

// Byte for byte, but for remarks and words: nothing on this machine is cmd.exe, so each change is to be a decision.
const GOLDEN = {
  'install.bat': [
    String.raw`@echo off`,
    String.raw`setlocal DisableDelayedExpansion`,
    String.raw`if not exist "%~dp0setup.mjs" goto not_extracted`,
    String.raw`if not exist "%~dp0tools\node\node.exe" goto not_extracted`,
    String.raw`if not defined NODE_USE_ENV_PROXY set "NODE_USE_ENV_PROXY=1"`,
    String.raw`if not defined NODE_USE_SYSTEM_CA set "NODE_USE_SYSTEM_CA=1"`,
    String.raw`"%~dp0tools\node\node.exe" "%~dp0setup.mjs" %*`,
    String.raw`set "CODE=%ERRORLEVEL%"`,
    String.raw`goto finish`,
    String.raw`:not_extracted`,
    String.raw`set "CODE=1"`,
    String.raw`:finish`,
    String.raw`if not "%CODE%"=="0" if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause`,
    String.raw`exit /b %CODE%`,
  ],
  'uninstall.bat': [
    String.raw`@echo off`,
    String.raw`setlocal DisableDelayedExpansion`,
    String.raw`if not exist "%~dp0setup.mjs" goto incomplete`,
    String.raw`if not exist "%~dp0tools\node\node.exe" goto incomplete`,
    String.raw`"%~dp0tools\node\node.exe" "%~dp0setup.mjs" --uninstall %*`,
    String.raw`set "CODE=%ERRORLEVEL%"`,
    String.raw`goto finish`,
    String.raw`:incomplete`,
    String.raw`set "CODE=1"`,
    String.raw`:finish`,
    String.raw`if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause`,
    String.raw`exit /b %CODE%`,
  ],
};

for (const [name, lines] of Object.entries(GOLDEN)) {
  test(`${name} does these lines, and no others`, () => {
    assert.deepEqual(code(name).split('\n').filter(Boolean), lines);
    for (const [, label] of lines.join('\n').matchAll(/goto (\w+)/g))
      assert.ok(lines.includes(`:${label}`), label);
  });
}

test('README.txt is right in Windows Notepad and in both languages', () => {
  const bytes = read('README.txt');
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  assert.equal(text.replaceAll('\r\n', '').search(/[\r\n]/), -1);
  const placeholders = new Set(text.match(/\{\{.*?\}\}/g));
  assert.deepEqual([...placeholders].sort(), ['{{server_url}}', '{{title}}']);
  for (const words of ['全部解压缩', 'Extract All', 'sh install.sh', '--keep-token'])
    assert.ok(text.includes(words), words);
  assert.ok(text.split('\r\n').length <= 60, 'a page');
});

test(
  'shell scripts are executable and shellcheck finds nothing',
  { skip: hasProgram('shellcheck') ? false : 'no shellcheck' },
  async () => {
    const scripts = ['install.sh', 'install.command', 'uninstall.sh', 'setup/launcher.sh'];
    assertSucceeded(await run('shellcheck', ['-s', 'sh', ...scripts], { cwd: templates }));
    for (const name of scripts.slice(0, 3))
      assert.ok(fs.statSync(path.join(templates, name)).mode & 0o100, name);
  },
);

let server;
before(async () => (server = await FakeOpencat.start()));
after(() => server.stop());

test('a lost exec bit is repaired', async () => {
  const where = temporaryFolder();
  const here = place(where, {
    serverUrl: server.url,
    app: tinyApp(path.join(where, 'app')),
    ownRuntime: true,
  });
  const node = path.join(here.folder, 'tools', 'node', 'bin', 'node');
  fs.chmodSync(node, 0o644);
  assertSucceeded(await here.install());
  assertSucceeded(await here.chat());
});

test('install.command installs, too; from a translocated copy it says to move the folder', async () => {
  const where = temporaryFolder();
  const here = place(where, { serverUrl: server.url, app: tinyApp(path.join(where, 'app')) });
  assertSucceeded(await run(path.join(here.folder, 'install.command'), [], { env: here.env }));
  assertSucceeded(await here.chat());
  const copy = path.join(where, 'AppTranslocation', 'd');
  fs.mkdirSync(copy, { recursive: true });
  for (const name of ['install.command', 'install.sh'])
    fs.copyFileSync(path.join(templates, name), path.join(copy, name));
  const { code: exit, stderr } = await run('sh', [path.join(copy, 'install.command')], { env: here.env });
  assert.equal(exit, 1);
  assert.match(stderr, /Move the whole folder/);
  assert.match(stderr, /移到别处/);
});

/** install.sh beside a Node that fails as `node` says, on a PC that answers as `tools` say. */
async function diagnose(node, tools = {}, shell = ['sh']) {
  const where = path.join(temporaryFolder(), "it's here");
  const folder = path.join(where, 'opencat-portable');
  fs.mkdirSync(path.join(folder, 'tools', 'node', 'bin'), { recursive: true });
  fs.copyFileSync(path.join(templates, 'install.sh'), path.join(folder, 'install.sh'));
  if (node !== null) {
    fs.writeFileSync(path.join(folder, 'setup.mjs'), '');
    fs.writeFileSync(path.join(folder, 'tools', 'node', 'bin', 'node'), node, { mode: 0o755 });
  }
  const bin = path.join(where, 'bin');
  fs.mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(tools)) {
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const env = { ...userEnvironment(path.join(where, 'home')), PATH: `${bin}:${process.env.PATH}` };
  const {
    code: exit,
    stderr,
    stdout,
  } = await run(shell[0], [...shell.slice(1), path.join(folder, 'install.sh')], { env });
  assert.equal(exit, 1, stderr);
  assert.equal(stdout, '');
  return stderr;
}

const shells = SHELLS.filter(([program]) => hasProgram(program));
// busybox has applets for uname and the like, and asks no others: it cannot be shown another system.
const macShells = shells.filter(([program]) => program !== 'busybox');

/** A real program of this machine whose loader is none of it, as where there is no glibc. */
function withoutLoader() {
  const program = fs.readFileSync('/bin/true').toString('latin1');
  assert.match(program, /\/ld-linux/);
  return Buffer.from(program.replaceAll('/ld-linux', '/no-linux'), 'latin1');
}

const failing = (words) => `#!/bin/sh\necho "${words}" >&2\nexit 127\n`;
const linux = { uname: '[ "$1" = -m ] && echo x86_64 || echo Linux' };
const LOADER = "node: /lib/x86_64-linux-gnu/libc.so.6: version 'GLIBC_2.28' not found";

for (const [name, node, tools, english, chinese] of [
  [
    'glibc is too old',
    failing(LOADER),
    { ...linux, getconf: 'echo glibc 2.17' },
    /has glibc 2\.17, and Node needs 2\.28/,
    /版本太旧/,
  ],
  [
    'libstdc++ is missing',
    failing('error while loading shared libraries: libstdc++.so.6'),
    linux,
    /libstdc\+\+6/,
    /缺少 libstdc\+\+/,
  ],
  [
    'the processor is another',
    '\x7fELF\x02\x01\x01 for nobody',
    linux,
    /another kind of processor/,
    /处理器/,
  ],
  [
    'libstdc++ is too old',
    failing("node: /lib/libstdc++.so.6: version 'GLIBCXX_3.4.25' not found"),
    { ...linux, getconf: 'echo glibc 2.28' },
    /libstdc\+\+ is too old: Node needs that of GCC 8/,
    /libstdc\+\+ 库太旧/,
  ],
  [
    'both glibc and libstdc++ are too old',
    failing(`${LOADER}; version 'GLIBCXX_3.4.25' not found`),
    { ...linux, getconf: 'echo glibc 2.17' },
    /has glibc 2\.17/,
    /版本太旧/,
  ],
  [
    'glibc is too old and nobody knows which it is',
    failing(LOADER),
    { ...linux, getconf: 'exit 127', ldd: 'exit 127' },
    /too old.*Node needs 2\.28/,
    /版本太旧/,
  ],
  [
    'there is musl',
    failing('Error relocating node: gnu_get_libc_version: symbol not found'),
    { ...linux, getconf: 'exit 1', ldd: 'echo "musl libc (x86_64)" >&2; exit 1' },
    /no glibc \(Alpine.*container with Debian/,
    /没有 glibc/,
  ],
  [
    'there is no glibc at all, and so no loader',
    withoutLoader(),
    { ...linux, getconf: 'exit 127', ldd: 'exit 127' },
    /no glibc/,
    /没有 glibc/,
  ],
  [
    'the folder is quarantined',
    failing('killed'),
    { uname: 'echo Darwin', sw_vers: 'echo 15.1', xattr: '[ "$1 $2" = "-p com.apple.quarantine" ]' },
    /System Settings > Privacy & Security, choose Open Anyway.*xattr -dr com\.apple\.quarantine '.*it'\\''s here/,
    /隔离.*系统设置 > 隐私与安全性.*仍要打开.*xattr -dr/,
  ],
  [
    'the folder is quarantined on a macOS before 13',
    failing(''),
    { uname: 'echo Darwin', sw_vers: 'echo 12.7.6', xattr: 'exit 0' },
    /System Preferences > Security & Privacy > General, choose Open Anyway/,
    /系统偏好设置/,
  ],
  [
    'macOS is too old',
    failing('dyld: Symbol not found'),
    { uname: 'echo Darwin', sw_vers: 'echo 10.15.7', xattr: 'exit 1' },
    /macOS 10\.15\.7 is too old: Node needs macOS 11/,
    /版本太旧/,
  ],
  [
    'macOS ends it and nothing is known of why',
    '#!/bin/sh\nkill -9 $$\n',
    { uname: 'echo Darwin', sw_vers: 'echo 14.5', xattr: 'exit 1' },
    /cannot start here/,
    /无法在此启动/,
  ],
  [
    'the reason is unknown',
    failing('strange trouble'),
    { ...linux, getconf: 'echo glibc 2.36' },
    /cannot start here: strange trouble/,
    /无法在此启动/,
  ],
  ['the zip was not extracted', null, {}, /Extract the whole zip/, /解压整个压缩包/],
]) {
  test(`install.sh says it in both languages, in every shell, when ${name}`, async () => {
    for (const shell of tools.sw_vers ? macShells : shells) {
      const words = await diagnose(node, tools, shell);
      assert.match(words, english, shell.join(' '));
      assert.match(words, chinese, shell.join(' '));
      assert.equal(words.trim().split('\n').length, 2, words);
    }
  });
}

test('install.sh: a glibc that suffices is not blamed', async () => {
  for (const version of ['2.28', '2.36', '3.0']) {
    assert.match(
      await diagnose(failing('other trouble'), { ...linux, getconf: `echo glibc ${version}` }),
      /other trouble/,
    );
  }
});

const noTerminal = hasProgram('script')
  ? false
  : 'script (util-linux) makes the terminal, and it is not here';

/** install.sh in a terminal that was opened for it alone, or typed into a shell. */
function inTerminal(folder, { typed, changes = {} }) {
  const line = `sh '${folder}/install.sh'`;
  const env = { ...userEnvironment(path.join(folder, '..', 'home')), ...changes };
  const command = typed ? `sh -c "${line}; exit \\$?"` : line;
  return start('script', ['-qefc', typed ? command : `exec ${line}`, '/dev/null'], { env, input: '' });
}

test(
  'a terminal opened for install.sh alone stays open after a failure; a typed one does not wait',
  { skip: noTerminal, timeout: 30000 },
  async () => {
    const folder = temporaryFolder(); // with nothing beside the script
    fs.copyFileSync(path.join(templates, 'install.sh'), path.join(folder, 'install.sh'));
    const opened = inTerminal(folder, { typed: false });
    await opened.until(/Press Enter to close/);
    opened.child.stdin.write('\r');
    assert.equal((await opened.done).code, 1, opened.output);
    for (const options of [{ typed: true }, { typed: false, changes: { OPENCAT_NO_PAUSE: '1' } }]) {
      const going = inTerminal(folder, options);
      assert.equal((await going.done).code, 1);
      assert.doesNotMatch(going.output, /Press Enter/);
    }
  },
);

test('root is told once that all will be root’s, and the installation goes on', async (t) => {
  if (process.getuid() !== 0) return t.skip('only root can be told');
  const where = temporaryFolder();
  const here = place(where, { serverUrl: server.url, app: tinyApp(path.join(where, 'app')) });
  const { stderr, stdout } = assertSucceeded(await here.install('--no-browser'));
  assert.equal((stderr + stdout).match(/everything installed here will belong to root/g)?.length, 1);
});
