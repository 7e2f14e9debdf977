// SPDX-License-Identifier: MIT
// Parts of setup that this machine cannot show as a whole: Windows and macOS files, and what is easier held one by one.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { templates } from '../fakes/bundle.mjs';
import { checkPathLength, checkPlace } from '../../templates/setup/check.mjs';
import { parseRegistryAnswer } from '../../templates/setup/desktop.mjs';
import { removeStubbornly, renameStubbornly } from '../../templates/setup/files.mjs';
import { launcherText } from '../../templates/setup/launcher.mjs';
import { mask } from '../../templates/setup/log.mjs';
import { messageKeys, messageOf } from '../../templates/setup/messages.mjs';
import {
  chatPageHtml,
  fileName,
  shortcut,
  shortcutTitle,
  terminalShortcut,
} from '../../templates/setup/shortcuts.mjs';
import { temporaryFolder } from './helpers.mjs';
import { uninstall } from '../../templates/setup/uninstall.mjs';

const URL_WITH_ALL = 'https://example.com/opencat/chat?a=1&b=%E4%BD%A0#token=occ_00ff';

test('the Windows launcher: ASCII, CRLF, every path quoted and its % kept', () => {
  const bundle = { platform: 'win-x64', app: { start: ['sub/100%.mjs', '--greet', 'a & b'] } };
  const text = launcherText(bundle, '/home/pc', '/home/pc/versions/abc');
  assert.ok(
    text.includes(
      '"%~dp0versions\\abc\\tools\\node\\node.exe" "%~dp0versions\\abc\\lib\\app\\sub\\100%%.mjs" "--greet" "a & b" %*\r\n',
    ),
    text,
  );
  assert.equal(text.replaceAll('\r\n', '').search(/[\r\n]/), -1);
  assert.throws(() => launcherText(bundle, '/home/pc', '/elsewhere/文件'), { key: 'launcherNotAscii' });
});

test('the Unix launcher names a bundle outside the home as it is, whatever is in its name', () => {
  const bundle = { platform: 'linux-x64', app: { start: ['chat.mjs'] } };
  const text = launcherText(bundle, '/home/me', "/opt/it's $HOME");
  assert.ok(
    text.endsWith(
      `exec '/opt/it'\\''s $HOME/tools/node/bin/node' '/opt/it'\\''s $HOME/lib/app/chat.mjs' "$@"\n`,
    ),
    text,
  );
});

test('shortcuts of Windows and macOS keep & and % of the address', () => {
  const windows = shortcut('win32', { title: 'T', url: URL_WITH_ALL, page: '' });
  assert.deepEqual(windows, {
    extension: '.url',
    content: `[InternetShortcut]\r\nURL=${URL_WITH_ALL}\r\n`,
    mode: 0o600,
  });
  const mac = shortcut('darwin', { title: 'T', url: URL_WITH_ALL, page: '' });
  assert.equal(mac.extension, '.webloc');
  assert.ok(mac.content.includes(`<string>${URL_WITH_ALL.replace('&', '&amp;')}</string>`), mac.content);
});

test('the second shortcut of Windows and macOS starts the launcher, whatever is in its path', () => {
  const windows = terminalShortcut('win32', {
    title: 'T',
    program: 'C:\\Users\\张 三\\a&b#100%\\opencat-chat.bat',
  });
  assert.equal(
    windows.content,
    '[InternetShortcut]\r\nURL=file:///C:/Users/%E5%BC%A0%20%E4%B8%89/a&b%23100%25/opencat-chat.bat\r\n',
  );
  const mac = terminalShortcut('darwin', { title: 'T', program: "/Users/me/it's/opencat-chat" });
  assert.equal(mac.extension, '.command');
  assert.equal(mac.mode, 0o755);
  assert.equal(mac.content, `#!/bin/sh\nexec '/Users/me/it'\\''s/opencat-chat'\n`);
});

test('a folder that a zip program deletes again is no place to install to; one of one’s own is', () => {
  const temp = 'C:\\Users\\me\\AppData\\Local\\Temp\\';
  for (const name of ['Temp1_opencat.zip', 'Rar$EXa12.345', '7zO8A1B', 'BNZ.5f1']) {
    assert.throws(() => checkPlace(`${temp}${name}\\opencat-portable`, 'win32'), { key: 'notExtracted' });
  }
  for (const name of ['D:\\chat', `${temp}opencat-portable`, 'C:\\7zO', 'C:\\Temp1_x'])
    checkPlace(name, 'win32');
  checkPlace('/tmp/Rar$EXa1.2/x', 'linux');
});

test('the Linux shortcut quotes what the desktop entry specification wants quoted', () => {
  const { content } = shortcut('linux', {
    title: 'T',
    url: URL_WITH_ALL,
    page: '/a b/$x`y"z\\w%1/open-chat.html',
  });
  assert.ok(
    content.includes(
      String.raw`Exec=xdg-open "/a b/\\$x\\` + '`' + String.raw`y\\"z\\\\w%%1/open-chat.html"`,
    ),
    content,
  );
});

test('open-chat.html holds the address as HTML and nothing of the title can become markup', () => {
  const html = chatPageHtml('<b>"A"', 'https://example.com/?a=1&b=2#token=x');
  assert.ok(html.includes('content="0; url=https://example.com/?a=1&amp;b=2#token=x"'));
  assert.ok(html.includes('<title>&lt;b&gt;&quot;A&quot;</title>'));
});

test('shortcut names: language, label, and only what every file system takes', () => {
  const app = { name: 'x', title: { en: 'Chat', zh: '聊天' } };
  assert.equal(shortcutTitle({ app, label: null }, 'zh'), '聊天');
  assert.equal(shortcutTitle({ app, label: 'Li' }, 'en'), 'Chat - Li');
  assert.equal(shortcutTitle({ app: { name: 'x' } }, 'zh'), 'x');
  assert.equal(fileName('a/b\\c:d*?"<>|\n. .'), 'a_b_c_d_______');
  assert.equal(fileName('...'), 'OpenCat');
});

test("reg.exe's answer: UTF-8 or Chinese Windows' code page, variables filled in", () => {
  const answer = (value) =>
    `\r\nHKEY_CURRENT_USER\\...\\User Shell Folders\r\n    Desktop    REG_EXPAND_SZ    ${value}\r\n\r\n`;
  const env = { USERPROFILE: 'C:\\Users\\me' };
  assert.equal(
    parseRegistryAnswer(Buffer.from(answer('%USERPROFILE%\\Desktop')), env),
    'C:\\Users\\me\\Desktop',
  );
  assert.equal(parseRegistryAnswer(Buffer.from(answer('D:\\桌面')), env), 'D:\\桌面');
  const gbk = Buffer.concat([
    Buffer.from(answer('D:\\@').split('@')[0]),
    Buffer.from([0xd7, 0xc0, 0xc3, 0xe6]),
    Buffer.from('\r\n'),
  ]);
  assert.equal(parseRegistryAnswer(gbk, env), 'D:\\桌面');
  assert.equal(parseRegistryAnswer(Buffer.from('ERROR: nothing'), env), null);
});

test('Windows path length: the longest file decides', () => {
  const bundle = { app: { deps: 'bundled' }, files: { [`lib/${'x'.repeat(96)}`]: '' } };
  checkPathLength(bundle, 'C'.repeat(158));
  assert.throws(() => checkPathLength(bundle, 'C'.repeat(159)), { key: 'pathTooLong' });
  assert.throws(() => checkPathLength({ ...bundle, app: { deps: 'install' } }, 'C'.repeat(140)), {
    key: 'pathTooLong',
  });
});

test('the log masks tokens, keys, credentials', () => {
  const line = mask('occ_0123456789abcdef K3Y //registry/:_authToken=npm_x http://u:p@proxy:1', ['K3Y']);
  assert.equal(line, 'occ_*** *** //registry/:_authToken=*** http://***@proxy:1');
});

test('every sentence is there in both languages with the same values, and every key in the code exists', () => {
  const names = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  for (const key of messageKeys) {
    const [english, chinese] = messageOf(key);
    assert.deepEqual(names(english), names(chinese), key);
    if (english !== '{file}') assert.match(chinese, /[\u4e00-\u9fff]/, key);
    assert.doesNotMatch(english, /[\u4e00-\u9fff]/, key);
  }
  const folder = path.join(templates, 'setup');
  const sources = fs.readdirSync(folder).filter((name) => name.endsWith('.mjs') && name !== 'messages.mjs');
  const code = sources.map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).join('\n');
  const used = [...code.matchAll(/(?:new Failure|say\.(?:note|line|text|step))\(\s*'(\w+)'/g)].map(
    (match) => match[1],
  );
  assert.ok(used.length > 20);
  for (const key of used) assert.ok(messageKeys.includes(key), `${key} has no words`);
  for (const key of messageKeys) assert.ok(code.includes(`'${key}'`), `${key} is said nowhere`);
});

test('a receipt that names what is not ours deletes nothing of it', () => {
  const folder = temporaryFolder();
  const home = path.join(folder, 'home');
  const precious = path.join(folder, 'precious');
  fs.mkdirSync(path.join(home, 'data'), { recursive: true });
  fs.mkdirSync(precious);
  fs.writeFileSync(path.join(precious, 'file'), 'mine');
  const made = [
    { path: precious, kind: 'tree' },
    { path: '../precious', kind: 'tree' },
    { path: path.join(precious, 'file'), kind: 'file', sha256: ['00'] },
    { path: '.', kind: 'tree' },
  ];
  fs.writeFileSync(path.join(home, 'data', 'receipt.json'), JSON.stringify({ format: 1, made }));
  const said = [];
  const say = { line: (key) => said.push(key) };
  uninstall({ home, bundleFolder: home, bundle: { platform: 'linux-x64' }, options: {}, say });
  assert.equal(fs.readFileSync(path.join(precious, 'file'), 'utf8'), 'mine');
  assert.ok(fs.existsSync(home));
  assert.equal(said.filter((key) => key === 'keptChanged').length, 4);
});

/** A Windows whose rename and remove fail with `code` until the clock, which only waiting moves on, is at `until`. */
function busyWindows(code, until) {
  const system = { platform: 'win32', clock: 0, done: false };
  system.now = () => system.clock;
  system.wait = () => (system.clock += 100);
  system.rename = system.remove = () => {
    if (system.clock < until) throw Object.assign(new Error(code), { code });
    system.done = true;
  };
  return system;
}

test('on Windows a file that another program holds is waited for, for 30 seconds', () => {
  for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
    const soon = busyWindows(code, 29_900);
    renameStubbornly('a.new', 'a', soon);
    assert.ok(soon.done, code);
    assert.equal(soon.clock, 29_900, code);
  }
  for (const work of [
    (system) => renameStubbornly('a.new', 'a', system),
    (system) => removeStubbornly('a', system),
  ]) {
    const held = busyWindows('EBUSY', 60_000);
    assert.throws(() => work(held), {
      key: 'fileInUse',
      values: { file: 'a', seconds: 30, reason: 'EBUSY' },
    });
    assert.equal(held.clock, 30_000);
  }
});

test('what is no sharing violation, and any failure elsewhere than on Windows, is told at once', () => {
  for (const system of [busyWindows('ENOSPC', 100), { ...busyWindows('EACCES', 100), platform: 'linux' }]) {
    const code = system.platform === 'linux' ? 'EACCES' : 'ENOSPC';
    assert.throws(() => renameStubbornly('a.new', 'a', system), { code });
    assert.equal(system.clock, 0);
  }
});
