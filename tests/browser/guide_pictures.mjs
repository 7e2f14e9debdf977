// SPDX-License-Identifier: MIT
// Takes the pictures of docs/user-guide.md from the real pages, in both languages: ./dev pictures
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ask } from '../support/http.mjs';
import { openPage } from './browser.mjs';
import { folderFor, photographer } from './pictures.mjs';
import { notice, openSettings, ready, send } from './steps.mjs';
import { startTalk } from './talk.mjs';

const MOST_BYTES = 100_000;
const texts = {
  'en-US': [
    'Why is the sky blue?',
    'Air scatters **short, blue waves** of light far more than long, red ones.',
  ],
  'zh-CN': ['天空为什么是蓝色的？', '空气对**波长短的蓝光**的散射，比对波长长的红光强得多。'],
};
const folder = await folderFor('guide_pictures.mjs');
const talk = await startTalk();
try {
  for (const locale of Object.keys(texts)) await shoot(locale);
} finally {
  await talk.stop();
}

async function shoot(locale) {
  const language = locale.slice(0, 2);
  const { id, chat_url } = await talk.server.issue();
  const page = await openPage(talk.browser, chat_url, { locale });
  await page.setViewportSize({ width: 960, height: 600 });
  await ready(page);
  const take = photographer(page, folder, `chat-${language}`);
  const shot = async (state) => {
    await take(state);
    const { size } = await stat(join(folder, `chat-${language}-${state}.png`));
    assert.ok(size < MOST_BYTES, `${language}-${state}: ${size} bytes are too many for a page of the docs`);
  };
  await shot('first');
  const [question, answer] = texts[locale];
  await talk.exchange(page, question, answer);
  await shot('answer');
  await openSettings(page);
  await shot('settings');
  await page.keyboard.press('Escape');
  await limit(id, 1);
  await send(page, question);
  await notice(page).waitFor();
  await shot('used-up');
  await page.context().close();
}

/** So that the question that was asked was the last one of the day. */
async function limit(id, daily_limit) {
  const headers = { 'X-Admin-Secret': talk.server.secret, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ quota: { daily_limit } });
  const { status } = await ask(`${talk.server.origin}/api/admin/tokens/${id}`, {
    method: 'PATCH',
    headers,
    body,
  });
  assert.equal(status, 200);
}
