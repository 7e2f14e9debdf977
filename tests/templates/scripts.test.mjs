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

test('install.bat: what must come in which order', () => {
  const lines = code('install.bat').split('\n').filter(Boolean);
  const at = (pattern) => {
    const index = lines.findIndex((line) => pattern.test(line));
    assert.ok(index >= 0, String(pattern));
    return index;
  };
  const order = [
    at(/^if not exist "%~dp0setup\.mjs" goto not_extracted$/),
    at(/^if not exist "%~dp0tools\\node\\node\.exe" goto not_extracted$/),
    at(/^"%~dp0tools\\node\\node\.exe" "%~dp0setup\.mjs" %\*$/),
    at(/^set "CODE=%ERRORLEVEL%"$/),
    at(/^:not_extracted$/),
    at(/pause$/),
  ];
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  for (const label of lines.join('\n').matchAll(/goto (\w+)/g))
    assert.ok(lines.includes(`:${label[1]}`), label[1]);
  assert.match(
    lines.at(order[5]),
    /^if not "%CODE%"=="0" if "%~1"=="" if not defined OPENCAT_NO_PAUSE pause$/,
  );
});

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
  fs.copyFileSync(path.join(templates, 'install.command'), path.join(copy, 'install.command'));
  const { code: exit, stderr } = await run('sh', [path.join(copy, 'install.command')], { env: here.env });
  assert.equal(exit, 1);
  assert.match(stderr, /Move the whole folder/);
  assert.match(stderr, /移到别处/);
});

/** install.sh beside a Node that fails as `node` says, on a PC that answers as `tools` say. */
async function diagnose(node, tools = {}) {
  const where = temporaryFolder();
  const folder = path.join(where, 'opencat-portable');
  fs.mkdirSync(path.join(folder, 'tools', 'node', 'bin'), { recursive: true });
  fs.copyFileSync(path.join(templates, 'install.sh'), path.join(folder, 'install.sh'));
  if (node !== null) {
    fs.writeFileSync(path.join(folder, 'setup.mjs'), '');
    fs.writeFileSync(path.join(folder, 'tools', 'node', 'bin', 'node'), node, { mode: 0o755 });
  }
  const bin = path.join(where, 'bin');
  fs.mkdirSync(bin);
  for (const [name, script] of Object.entries(tools)) {
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const env = { ...userEnvironment(path.join(where, 'home')), PATH: `${bin}:${process.env.PATH}` };
  const { code: exit, stderr, stdout } = await run('sh', [path.join(folder, 'install.sh')], { env });
  assert.equal(exit, 1);
  assert.equal(stdout, '');
  return stderr;
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
    'the folder is quarantined',
    failing('killed'),
    { uname: 'echo Darwin', xattr: 'exit 0' },
    /xattr -dr com\.apple\.quarantine/,
    /隔离/,
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
  test(`install.sh says it in both languages when ${name}`, async () => {
    const words = await diagnose(node, tools);
    assert.match(words, english);
    assert.match(words, chinese);
    assert.equal(words.trim().split('\n').length, 2, words);
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
