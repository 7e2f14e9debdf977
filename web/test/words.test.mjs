// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { words as adminWords } from '../admin/words.js';
import { words } from '../chat/words.js';
import { words as downloadWords } from '../download/words.js';
import { createWords, languageOf } from '../common/i18n.js';

const pages = [
  ['admin', adminWords],
  ['chat', words],
  ['download', downloadWords],
];
const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

for (const [page, words] of pages) {
  test(`${page}: both languages say the same things, with the same blanks to fill`, () => {
    assert.deepEqual(Object.keys(words.zh), Object.keys(words.en));
    for (const key of Object.keys(words.en)) {
      assert.ok(words.en[key].trim() && words.zh[key].trim(), `${key} is empty`);
      assert.deepEqual(names(words.zh[key]), names(words.en[key]), key);
    }
  });

  test(`${page}: each language is written in its own script`, () => {
    for (const [key, text] of Object.entries(words.zh)) {
      const isMarksOnly = !/\p{Letter}/u.test(text.replace(/\{\w+\}/g, ''));
      if (key !== 'tokenPlaceholder' && !isMarksOnly) assert.match(text, /\p{Script=Han}/u, key);
    }
    for (const [key, text] of Object.entries(words.en)) assert.doesNotMatch(text, /\p{Script=Han}/u, key);
  });

  test(`${page}: every word the page and its scripts ask for is there, and none is left over`, async () => {
    const folder = new URL(`../${page}/`, import.meta.url);
    const html = await readFile(new URL(`${page}.html`, folder), 'utf8');
    const inMarkup = [...html.matchAll(/\bdata-t(?:-[\w-]+)?="(\w+)"/g)].map(([, key]) => key);
    assert.ok(inMarkup.length > 5);
    for (const key of inMarkup) assert.ok(key in words.en, `${page}.html asks for ${key}`);

    const files = (await readdir(folder)).filter((name) => name.endsWith('.js') && name !== 'words.js');
    const code = (await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')))).join('\n');
    for (const [, key] of code.matchAll(/\bt\('(\w+)'/g))
      assert.ok(key in words.en, `the code asks for ${key}`);
    const quoted = new Set([...code.matchAll(/'(\w+)'/g)].map(([, word]) => word));
    // What an answer's `state` can be is spelt as a word's key, as is the kind of an error.
    const used = (key) => inMarkup.includes(key) || quoted.has(key);
    assert.deepEqual(
      Object.keys(words.en).filter((key) => !used(key)),
      [],
    );
  });
}

test('words are chosen by the browser’s language', () => {
  for (const tag of ['zh', 'zh-CN', 'zh-Hans-CN', 'ZH-tw']) assert.equal(languageOf(tag), 'zh', tag);
  for (const tag of ['en', 'de-DE', 'zha', '', undefined]) assert.equal(languageOf(tag), 'en', String(tag));
});

test('blanks are filled, and a key without words is an error', () => {
  const { t } = createWords(words, 'zh');
  assert.equal(t('leftToday', { n: 3 }), '今天还剩 3 次');
  assert.throws(() => t('nothingLikeThat'), /nothingLikeThat/);
});

test('a moment is a time today, and has its date otherwise', () => {
  const { moment } = createWords(words, 'en');
  const now = new Date(2025, 5, 1, 9, 0);
  assert.match(moment(new Date(2025, 5, 1, 18, 30), now), /^0?6:30.PM$/);
  assert.match(moment(new Date(2025, 5, 2, 8, 0), now), /^Jun 2, 0?8:00.AM$/);
});
