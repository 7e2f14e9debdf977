// SPDX-License-Identifier: MIT
// Holds docs/bundles.md, in both languages, to the program: its options exist, and its declaration is taken.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { DEAD, opencat, run, sandbox } from '../cli/helpers.mjs';

const source = (name) => fs.readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const pages = ['bundles.md', 'bundles.zh-CN.md'].map(source);
const example = (page) => /```json\n([\s\S]*?)```/.exec(page)[1];

test('every option that is named is one of opencat bundle', () => {
  const help = execFileSync(opencat, ['bundle', '--help'], { encoding: 'utf8' });
  for (const page of pages) {
    const named = [
      ...page
        .replaceAll(/`(sha256sum|minisign|tools\/opencat\/opencat) [^`]*`/g, '')
        .matchAll(/(?<![\w-])--[a-z][a-z-]*/g),
    ];
    for (const [option] of named) {
      assert.ok(option === '--help' || help.includes(`${option} `) || help.includes(`${option},`), option);
    }
  }
});

test('both languages have the same declaration, and opencat bundle takes it', async (t) => {
  assert.equal(example(pages[0]), example(pages[1]));
  const folder = sandbox(t);
  const manifest = { name: 'mine', version: '1.0.0', ...JSON.parse(example(pages[0])) };
  const bundle = async () => {
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
    fs.writeFileSync(path.join(folder, 'main.mjs'), '');
    const words = ['bundle', '--app', '.', '--offline', '--server-url', DEAD];
    return (await run(folder, words, { env: { OPENCAT_ADMIN_SECRET: '' } })).stderr;
  };
  assert.doesNotMatch(await bundle(), /package\.json/, 'the app is taken; only a runtime is missing');
  manifest.opencat.config[0].merge.apiKey = '{{secret}}';
  assert.match(await bundle(), /package\.json: "opencat"\."config"\[0\]/);
});
