// SPDX-License-Identifier: MIT
// Holds docs/configuration.md, in both languages, to the program: its example serves, its settings exist.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, bearer } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';

const source = (path) => fs.readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const pages = ['docs/configuration.md', 'docs/configuration.zh-CN.md'].map(source);
const examples = pages.map((page) => /```toml\n([\s\S]*?)```/.exec(page)[1]);

test('the example serves', async (t) => {
  for (const example of examples) {
    const dir = await newFolder();
    t.after(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'opencat.toml'), example);
    const server = await startServer({ dir, args: [], env: { MAIN_KEY: 'sk-a', SECOND_KEY: 'sk-b' } });
    t.after(() => server.stop());
    assert.equal(server.url, 'https://chat.example.com');
    const { token, quota } = await server.issue();
    assert.deepEqual(quota, { daily_limit: 100, monthly_limit: 3000 });
    const models = (await ask(`${server.origin}/v1/models`, { headers: bearer(token) })).json();
    assert.deepEqual(
      models.data.map(({ id }) => id),
      ['auto', 'some-model', 'small-model', 'gpt-4o', 'local-model'],
    );
  }
});

test('both languages have the same example, but for its comments', () => {
  const [english, chinese] = examples.map((example) => example.replace(/ *#.*/g, ''));
  assert.equal(english, chinese);
});

test('every option that is named is one of opencat serve', () => {
  const help = execFileSync(process.env.OPENCAT, ['serve', '--help'], { encoding: 'utf8' });
  for (const page of pages) {
    for (const [, flag] of page.matchAll(/(--[a-z][a-z-]*)/g))
      assert.match(help, new RegExp(`[ ,]${flag}[ ,]`), flag);
  }
});

test('every member of an upstream or a plan that is named is known, and the other way round', () => {
  for (const [file, chapter] of [
    ['commands/upstream_settings.cpp', 0],
    ['commands/plan_settings.cpp', 1],
  ]) {
    const known = [...source(file).matchAll(/known\{([\s\S]*?)\}/g)][0][1];
    const names = [...known.matchAll(/"([a-z_]+)"/g)].map(([, name]) => name).sort();
    for (const page of pages) {
      const tables = page.split(/\n\n/).filter((part) => /^\| (member|成员) \|/.test(part));
      const cells = [...tables[chapter].matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell]) => cell);
      const told = cells.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name));
      assert.deepEqual(told.sort(), names);
    }
  }
});
