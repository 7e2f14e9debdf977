// SPDX-License-Identifier: MIT
// What the chat page says when the real server refuses, or has nobody to ask; and that the question is there still.
// Run: OPENCAT=…/opencat node --test refusals.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort, startServer } from '../support/server.mjs';
import { adminOf } from './admin_steps.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { input, lastAnswer, notice, question, ready, says, send, settled } from './steps.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/** A server with these arguments and a page that has its token. */
async function open(t, ...args) {
  const server = await startServer({ args });
  t.after(() => server.stop());
  const issued = await server.issue();
  const page = await openPage(browser, issued.chat_url);
  t.after(() => page.context().close());
  await ready(page);
  return { server, page, issued };
}

test('a token that the operator switches off, and on again', async (t) => {
  const { server, page } = await open(t, '--demo');
  const admin = adminOf(server);
  const [{ id }] = (await admin('GET', 'tokens')).tokens;
  await admin('PATCH', `tokens/${id}`, { status: 'disabled' });
  await send(page, 'a long thought');
  await says(notice(page), 'This token has been switched off');
  assert.equal(await input(page).inputValue(), 'a long thought');
  assert.equal(await question(page).count(), 0);
  await page.getByRole('button', { name: 'Use another link' }).waitFor();
  await admin('PATCH', `tokens/${id}`, { status: 'active' });
  await input(page).press('Enter');
  await settled(page);
  assert.notEqual((await lastAnswer(page).locator('.prose').textContent()).trim(), '');
});

test('a token that was deleted leads to the field for another one', async (t) => {
  const { server, page } = await open(t, '--demo');
  const admin = adminOf(server);
  const [{ id }] = (await admin('GET', 'tokens')).tokens;
  await admin('DELETE', `tokens/${id}`);
  await send(page, 'a long thought');
  await says(page.locator('#sign-in-words'), 'does not know this token');
  await page.getByLabel('Chat link or token').fill((await server.issue()).token);
  await page.keyboard.press('Enter');
  await ready(page);
  assert.equal(await input(page).inputValue(), 'a long thought');
});

test('too many questions in a minute: the server’s own seconds are counted down', async (t) => {
  const { page } = await open(t, '--demo', '--rpm-limit', '1');
  await send(page, 'one');
  await settled(page);
  await send(page, 'two');
  await says(notice(page), 'That was a little fast');
  const retry = notice(page).getByRole('button');
  await says(retry, /Try again in [1-6]?\d s/);
  assert.equal(await retry.isDisabled(), true);
  assert.equal(await input(page).inputValue(), 'two');
});

test('nobody behind the server: said so, with a way to try again, and not counted', async (t) => {
  const gone = `http://127.0.0.1:${await freePort()}/v1`;
  const { page } = await open(t, '--upstream-url', gone, '--upstream-model', 'm');
  await send(page, 'anybody there?');
  await says(notice(page), 'The model behind the server cannot be reached');
  await notice(page).getByRole('button', { name: 'Try again' }).waitFor();
  assert.equal(await input(page).inputValue(), 'anybody there?');
  await says(page.locator('#quota'), '100 left today');
});

test('the server itself is gone, and comes back', async (t) => {
  const { server, page } = await open(t, '--demo');
  await server.stop();
  await send(page, 'hello?');
  await says(notice(page), 'The server cannot be reached');
  await notice(page).getByRole('button', { name: 'Try again' }).waitFor();
  assert.equal(await input(page).inputValue(), 'hello?');
});
