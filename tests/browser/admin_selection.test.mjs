// SPDX-License-Identifier: MIT
// Which tokens are chosen on the admin page while the list shows others: nothing is done to what nobody sees or was
// told of.
// Run: OPENCAT=…/opencat node --test admin_selection.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startServer } from '../support/server.mjs';
import { adminOf, dialog, listed, openAdmin, row, rows, toast } from './admin_steps.mjs';
import { startBrowser } from './browser.mjs';
import { says } from './steps.mjs';

let browser;
let server;
let admin;
before(async () => {
  server = await startServer();
  admin = adminOf(server);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const issue = async (...labels) => (await admin('POST', 'tokens', { labels })).tokens;
const found = (t, q) =>
  openAdmin(t, browser, server, {
    view: `/tokens?${new URLSearchParams({ q, sort: 'label', order: 'asc' })}`,
  });
const bulk = (page) => page.locator('.bulk');
const choose = (page, name) => page.getByLabel(`Select ${name}`, { exact: true }).check();
const numbered = (name, count) =>
  Array.from({ length: count }, (_, i) => `${name} ${String(i).padStart(3, '0')}`);

test('another search ends the selection and says so, and no action reaches the tokens that went out of sight', async (t) => {
  const [{ id }] = await issue('apple', 'pear');
  const page = await found(t, 'apple');
  await choose(page, 'apple');
  await says(bulk(page), '1 selected');
  await page.getByLabel('Search tokens').fill('pear');
  await row(page, 'pear').waitFor();
  await says(toast(page), 'The selection of 1 token has ended: the list shows others now.');
  assert.equal(await bulk(page).isVisible(), false);
  await choose(page, 'pear');
  await says(bulk(page), '1 selected');
  await bulk(page).getByRole('button', { name: 'Disable' }).click();
  await row(page, 'Disabled').waitFor();
  assert.equal((await admin('GET', `tokens/${id}`)).status, 'active');
  // The words that are typed on say nothing again: there is nothing chosen any more.
  await page.getByLabel('Search tokens').fill('apple');
  await row(page, 'apple').waitFor();
  assert.equal(await page.getByLabel('Select apple', { exact: true }).isChecked(), false);
  assert.equal(await page.locator('.toast', { hasText: 'has ended' }).count(), 2);
  assert.deepEqual(page.trouble, []);
});

test('another filter ends the selection, by its button as by the address', async (t) => {
  await issue('filtered 1', 'filtered 2');
  const page = await found(t, 'filtered');
  await listed(page);
  await page.getByLabel('Select all on this page').check();
  await says(bulk(page), '2 selected');
  await page.getByRole('button', { name: /^Active/ }).click();
  await says(toast(page), 'The selection of 2 tokens has ended');
  assert.equal(await bulk(page).isVisible(), false);
  await listed(page);
  await choose(page, 'filtered 1');
  await page.evaluate(() => (location.hash = '#/tokens?q=filtered&status=disabled'));
  await says(page.locator('.empty'), 'No token fits');
  await says(toast(page), 'The selection of 1 token has ended');
  assert.equal(await bulk(page).isVisible(), false);
});

test('a selection holds over pages and orders, and the bar says how many are not on the page', async (t) => {
  const labels = numbered('spread', 60);
  await issue(...labels);
  const page = await found(t, 'spread');
  await choose(page, 'spread 000');
  await says(bulk(page).locator('.count'), /^1 selected$/);
  await page.getByRole('button', { name: 'Next page' }).click();
  await says(rows(page).first(), 'spread 050');
  await says(bulk(page).locator('.count'), '1 selected, not on this page');
  await choose(page, 'spread 051');
  await choose(page, 'spread 052');
  await says(bulk(page).locator('.count'), '3 selected, 1 not on this page');
  // The other way round the first page has 059 to 010.
  await page.evaluate(() => (location.hash = '#/tokens?q=spread&sort=label&order=desc'));
  await says(rows(page).first(), 'spread 059');
  await says(bulk(page).locator('.count'), '3 selected, 1 not on this page');
  await page.getByLabel('Per page').selectOption('100');
  await says(page.locator('.range'), '1–60 of 60');
  await says(bulk(page).locator('.count'), /^3 selected$/);
  assert.equal(await page.locator('.toast').count(), 0);
  await bulk(page).getByRole('button', { name: 'Limits' }).click();
  await dialog(page).getByLabel('Requests a day').fill('5');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await says(toast(page), '3 tokens are changed');
  const { tokens } = await admin('GET', 'tokens?q=spread&limit=100&sort=label&order=asc');
  const changed = tokens.filter(({ quota }) => quota.daily_limit === 5).map(({ label }) => label);
  assert.deepEqual(changed, ['spread 000', 'spread 051', 'spread 052']);
  assert.deepEqual(page.trouble, []);
});

test('a selection is there again after a look at another view', async (t) => {
  await issue('kept in view');
  const page = await found(t, 'kept in view');
  await choose(page, 'kept in view');
  const address = new URL(page.url()).hash;
  await page.evaluate(() => (location.hash = '#/server'));
  await page.locator('.figures').waitFor();
  await page.evaluate((hash) => (location.hash = hash), address);
  await says(bulk(page), '1 selected');
  assert.equal(await page.getByLabel('Select kept in view', { exact: true }).isChecked(), true);
});
