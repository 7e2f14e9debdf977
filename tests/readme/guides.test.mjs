// SPDX-License-Identifier: MIT
// Holds every page of the docs to what it says: links lead somewhere, both languages are there and alike, the commands
// and options that are named exist, and the guide shows what installing really says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { opencat } from '../cli/helpers.mjs';
import { workshop } from '../cli/workshop.mjs';
import { inlineCommands } from './commands.mjs';
import { checkAgainstHelp } from './run_readme.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
});
const pages = tracked
  .trim()
  .split('\n')
  .filter((page) => !page.includes('/') || page.startsWith('docs/'));
const read = (page) => fs.readFileSync(path.join(root, page), 'utf8');
// For those who work on OpenCat, in the language of its code.
const ENGLISH_ONLY = ['docs/ARCHITECTURE.md', 'docs/protocol.md'];

const plain = (markdown) => markdown.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '');

/** GitHub's name for a heading. */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- ]/gu, '')
    .replaceAll(' ', '-');
const anchors = (page) => [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading));

test('every link leads to a file, and to a heading in it', () => {
  let links = 0;
  for (const page of pages) {
    for (const [, target] of plain(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https|mailto):/.test(target)) continue;
      const [file, heading] = target.split('#');
      const found = file === '' ? page : path.join(path.dirname(page), decodeURIComponent(file));
      assert.ok(fs.existsSync(path.join(root, found)), `${page}: ${target} is not there`);
      if (heading !== undefined)
        assert.ok(anchors(found).includes(decodeURIComponent(heading)), `${page}: ${target}`);
      links++;
    }
  }
  assert.ok(links > 50, `${links} links`);
});

test('every page is there in both languages, with as many headings, items and blocks', () => {
  const shape = (page) => {
    const markdown = read(page);
    const count = (pattern) => [...markdown.matchAll(pattern)].length;
    return {
      headings: count(/^#+ /gm),
      rows: count(/^\|/gm),
      items: count(/^(- |\d+\. )/gm),
      blocks: count(/^ *```/gm),
    };
  };
  for (const page of pages.filter((name) => !name.endsWith('.zh-CN.md') && !ENGLISH_ONLY.includes(name))) {
    const chinese = page.replace(/\.md$/, '.zh-CN.md');
    assert.ok(pages.includes(chinese), `${chinese} is not there`);
    assert.deepEqual(shape(chinese), shape(page), page);
    assert.ok(read(page).includes(`](${path.basename(chinese)})`), `${page} leads to ${chinese}`);
    assert.ok(read(chinese).includes(`](${path.basename(page)})`), `${chinese} leads to ${page}`);
  }
});

test('commands that are named in passing are there, with their options', () => {
  let commands = 0;
  for (const page of pages) {
    for (const command of inlineCommands(read(page))) {
      checkAgainstHelp(command);
      commands++;
    }
  }
  assert.ok(commands > 50, `${commands} commands`);
});

test('options that a guide names by themselves are some command’s', () => {
  const helps = ['serve', 'token', 'bundle', 'fetch', 'install', 'uninstall'].map((command) =>
    execFileSync(opencat, [command, '--help'], { encoding: 'utf8' }),
  );
  const known =
    helps.join('\n') + execFileSync(process.execPath, ['templates/setup.mjs', '--help'], { cwd: root });
  for (const page of pages.filter((name) => /(user-guide|faq)/.test(name))) {
    for (const [, option] of read(page).matchAll(/`(--[a-z][a-z-]*)/g))
      assert.match(known, new RegExp(`[ ,]${option}[ ,]`), `${page}: ${option}`);
  }
});

test('installing says what the guide shows', async (t) => {
  const { folder, bundle, dist } = await workshop(t);
  const made = await bundle(['--pre-token', '--deps', 'bundled', '--app', app(t)]);
  assert.equal(made.code, 0, made.stderr);
  execFileSync('unzip', ['-q', path.join(dist, 'opencat-portable-linux-x64.zip')], { cwd: folder });
  for (const [page, language] of [
    ['docs/user-guide.md', 'en_US.UTF-8'],
    ['docs/user-guide.zh-CN.md', 'zh_CN.UTF-8'],
  ]) {
    const shown = [...read(page).matchAll(/^ {8}((?:\[\d\/\d\]| {4}).*|Installed\.|安装完成。)$/gm)].map(
      ([, line]) => line.trim(),
    );
    assert.equal(shown.length, 9);
    const env = { HOME: folder, LC_ALL: language, PATH: process.env.PATH };
    const words = ['opencat-portable/install.sh', '--no-browser', '--no-shortcut'];
    const said = execFileSync('sh', ['-c', `${words.join(' ')} 2>&1`], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    const lines = said.split('\n').map((line) => line.trim());
    for (const line of shown) assert.ok(lines.includes(line), `${page}: "${line}"\n${said}`);
  }
});

/** An app without dependencies, since the small registry has none to offer. */
function app(t) {
  const folder = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'opencat-guide-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const manifest = {
    name: 'app',
    version: '1.0.0',
    opencat: { start: ['main.mjs'], name: { en: 'App', zh: '应用' } },
  };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  fs.writeFileSync(path.join(folder, 'main.mjs'), '');
  return folder;
}
