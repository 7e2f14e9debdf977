// SPDX-License-Identifier: MIT
// The admin page in Chromium against `opencat serve --demo`: signing in, and all that is done with tokens.
// Run: OPENCAT=…/opencat node --test admin.test.mjs
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import jsQR from 'jsqr';
import { bearer, chat, eventually } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';
import {
  action,
  adminOf,
  dialog,
  focused,
  listed,
  openAdmin,
  row,
  rows,
  signIn,
  toast,
} from './admin_steps.mjs';
import { openPage, startBrowser } from './browser.mjs';
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
const open = (t, options) => openAdmin(t, browser, server, options);
const found = (q, options) => ({ view: `/tokens?${new URLSearchParams({ q })}`, ...options });

test('the secret signs in for this tab alone, and is nowhere else', async (t) => {
  const page = await openPage(browser, `${server.url}/admin`);
  t.after(() => page.context().close());
  const requests = [];
  page.on('request', (request) => requests.push(request));
  assert.equal(await focused(page), 'secret');
  await page.keyboard.press('Enter');
  await says(page.locator('#sign-in-words'), 'Enter the admin secret first');
  for (const wrong of ['wrong', '密钥', 'with space']) {
    await page.locator('#secret').fill(wrong);
    await page.keyboard.press('Enter');
    await says(page.locator('#sign-in-words'), 'not this server’s admin secret');
    assert.equal(await focused(page), 'secret');
  }
  await signIn(page, ` ${server.secret} `);
  await rows(page).first().waitFor();
  assert.equal(await page.locator('#secret').inputValue(), '');
  const kept = await page.evaluate(() => [
    Object.values(sessionStorage),
    JSON.stringify({ ...localStorage }),
  ]);
  assert.deepEqual(kept[0], [server.secret]);
  assert.ok(!kept[1].includes(server.secret));
  for (const request of requests) {
    assert.ok(!request.url().includes(server.secret), request.url());
    assert.equal((await request.allHeaders()).referer, undefined);
  }
  await page.reload();
  await rows(page).first().waitFor();
  const other = await page.context().newPage();
  await other.goto(`${server.url}/admin`);
  await other.locator('#sign-in').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await says(page.locator('#sign-in-words'), 'You are signed out');
  assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), []);
  assert.equal(await rows(page).count(), 0);
  assert.deepEqual(page.trouble, []);
});

test('too many wrong secrets: the seconds are counted down', async (t) => {
  const own = await startServer();
  t.after(() => own.stop());
  const page = await openPage(browser, `${own.url}/admin`);
  t.after(() => page.context().close());
  for (let i = 0; i < 11; i += 1) await fetch(`${own.origin}/api/admin/server`, { headers: bearer('wrong') });
  await page.locator('#secret').fill('wrong');
  await page.keyboard.press('Enter');
  await says(page.locator('#sign-in-words'), /Too many wrong secrets.*\d+ s/);
  await says(page.locator('#sign-in-button'), /Sign in \(\d+\)/);
  assert.equal(await page.locator('#sign-in-button').getAttribute('aria-disabled'), 'true');
  // The right one is taken all the same: only guesses wait.
  assert.equal((await fetch(`${own.origin}/api/admin/server`, { headers: bearer(own.secret) })).status, 200);
});

test('a secret that changes while one works leads back to the sign-in', async (t) => {
  const page = await open(t);
  await rows(page).first().waitFor();
  await page.route('**/api/admin/**', (route) => {
    const body = { error: { code: 'UNAUTHORIZED', message: 'x', type: 'x', param: null } };
    return route.fulfill({ status: 401, json: body });
  });
  await page.locator('.choices button').last().click();
  await says(page.locator('#sign-in-words'), 'no longer takes this secret');
});

test('one token is made, shown once with copy and a QR code of its link, and works', async (t) => {
  const page = await open(t);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'New tokens' }).click();
  await dialog(page).getByLabel('Labels').fill('made here');
  await dialog(page).getByLabel('Requests a day').fill('7');
  await dialog(page).getByLabel('Platform').selectOption('win-x64');
  await dialog(page).getByRole('button', { name: 'Make 1 token' }).click();
  const token = await dialog(page).locator('code').first().textContent();
  const link = await dialog(page).locator('code').nth(1).textContent();
  assert.equal(link, `${server.url}/chat#token=${token}`);
  // Nothing was copied: Escape does not throw it away.
  await page.keyboard.press('Escape');
  await says(dialog(page), 'Copy or save them first');
  await dialog(page).getByRole('button', { name: 'Copy token' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
  await dialog(page).getByRole('button', { name: 'Copy link' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), link);
  assert.equal(await readQr(page), link);
  await dialog(page).getByRole('button', { name: 'Done' }).click();
  await dialog(page).waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'New tokens');
  await eventually(async () => !(await page.content()).includes(token), 'a page without the token');
  assert.equal((await chat(server, token)).status, 200);
  const [made] = (await admin('GET', 'tokens?q=made%20here')).tokens;
  assert.deepEqual([made.platform, made.quota.daily_limit, made.quota.monthly_limit], ['win-x64', 7, 3000]);
  assert.deepEqual(page.trouble, []);
});

/** What the QR code on the page says to a reader that shares nothing with its maker. */
async function readQr(page) {
  const { size, path } = await page.locator('svg.qr').evaluate((node) => ({
    size: Number(node.getAttribute('viewBox').split(' ')[2]),
    path: node.querySelector('path').getAttribute('d'),
  }));
  const scale = 4; // points a module, which a reader of photographs wants
  const width = size * scale;
  const points = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let i = 0; i < scale * scale; i += 1) {
      const at = (Number(y) * scale + Math.floor(i / scale)) * width + Number(x) * scale + (i % scale);
      points.fill(0, at * 4, at * 4 + 3);
    }
  }
  return jsQR(points, width, width)?.data;
}

test('many are made, one for each line, and saved as a file with their links', async (t) => {
  const page = await open(t);
  await page.getByRole('button', { name: 'New tokens' }).click();
  await dialog(page).getByLabel('Labels').fill('class: Ann\n\n  class: 李雷  \nclass: =Bob');
  assert.equal(await dialog(page).getByLabel('How many').isDisabled(), true);
  await dialog(page).getByRole('button', { name: 'Make 3 tokens' }).click();
  await says(dialog(page), '3 new tokens');
  assert.deepEqual(await dialog(page).locator('.whose').allTextContents(), [
    'class: Ann',
    'class: 李雷',
    'class: =Bob',
  ]);
  await dialog(page).getByRole('button', { name: 'QR code: class: 李雷' }).click();
  await dialog(page).getByRole('img', { name: 'QR code of the chat link of class: 李雷' }).waitFor();
  const saving = page.waitForEvent('download');
  await dialog(page).getByRole('button', { name: 'Save as CSV' }).click();
  const text = await readFile(await (await saving).path(), 'utf8');
  const lines = text.trim().split('\r\n');
  assert.equal(lines.length, 4);
  for (const line of lines.slice(1)) {
    const [, token] = /"(occ_[0-9a-f]{32})"/.exec(line);
    assert.ok(line.includes(`/chat#token=${token}`));
    assert.equal((await chat(server, token)).status, 200);
  }
  await page.keyboard.press('Escape'); // they are saved now
  await dialog(page).waitFor({ state: 'detached' });
  await row(page, 'class: 李雷').waitFor();
});

test('what is wrong in the form is said at its field, and nothing is made', async (t) => {
  const page = await open(t);
  const { total } = await admin('GET', 'tokens');
  await page.getByRole('button', { name: 'New tokens' }).click();
  const fill = (label, value) => dialog(page).getByLabel(label).fill(value);
  const submit = () => dialog(page).locator('button[type=submit]').click();
  for (const [label, wrong, good, words] of [
    ['How many', '0', '1', 'a number from 1 to 1,000'],
    ['How many', '1001', '1', 'a number from 1 to 1,000'],
    ['How many', 'x', '1', 'a number from 1 to 1,000'],
    ['Requests a day', '-1', '5', 'a whole number'],
    ['Requests a month', '1.5', '5', 'a whole number'],
    ['Labels', `ok\n${'长'.repeat(67)}`, '', 'Line 2 is too long'],
  ]) {
    await fill(label, wrong);
    await submit();
    await says(dialog(page).locator('.problem:not([hidden])'), words);
    const field = dialog(page).getByLabel(label);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', label);
    assert.equal(await field.evaluate((node) => node === document.activeElement), true, label);
    await fill(label, good);
  }
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await admin('GET', 'tokens')).total, total);
});

test('a token is disabled, enabled and deleted by its row, each with a way back', async (t) => {
  const [{ token }] = await issue('row of its own');
  const page = await open(t, found('row of its own'));
  await action(page, 'row of its own', 'Disable').click();
  await says(toast(page), '“row of its own” is disabled');
  await row(page, 'Disabled').waitFor();
  assert.equal((await chat(server, token)).status, 403);
  // The focus stays on the button that now says the opposite.
  assert.equal(await focused(page), 'Enable: row of its own');
  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await row(page, 'Active').waitFor();
  assert.equal((await chat(server, token)).status, 200);
  await action(page, 'row of its own', 'Delete').click();
  await says(page.locator('.empty'), 'No token fits');
  assert.notEqual(await focused(page), 'nowhere');
  assert.equal((await chat(server, token)).status, 401);
  await toast(page).filter({ hasText: 'deleted' }).getByRole('button', { name: 'Undo' }).click();
  await row(page, 'row of its own').waitFor();
  assert.equal((await chat(server, token)).status, 200);
  assert.deepEqual(page.trouble, []);
});

test('a deleted token is found among the deleted, and restored there', async (t) => {
  const [{ id, token }] = await issue('lost and found');
  await admin('DELETE', `tokens/${id}`);
  const page = await open(t);
  await listed(page); // the figures that come with the list move the buttons
  await page.getByRole('button', { name: /^Deleted/ }).click();
  await says(page.locator('.hint:not([hidden])'), 'can be restored for 7 days');
  await action(page, 'lost and found', 'Restore').click();
  await row(page, 'lost and found').waitFor({ state: 'detached' });
  assert.equal((await chat(server, token)).status, 200);
});

test('label and limits are changed in a dialog, and taken back', async (t) => {
  const [{ id }] = await issue('before');
  const page = await open(t, found(id));
  await action(page, 'before', 'Edit').click();
  await dialog(page).getByLabel('Label').fill('after 之后');
  await dialog(page).getByLabel('Requests a day').fill('0');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await row(page, 'after 之后').filter({ hasText: 'Used up' }).waitFor();
  assert.equal(await focused(page), 'Edit: after 之后');
  assert.equal((await admin('GET', `tokens/${id}`)).quota.daily_limit, 0);
  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await row(page, 'before').filter({ hasText: 'Active' }).waitFor();
  const { label, quota } = await admin('GET', `tokens/${id}`);
  assert.deepEqual([label, quota.daily_limit, quota.monthly_limit], ['before', 100, 3000]);
});

test('a limit that is emptied becomes the server’s, which the empty field shows', async (t) => {
  const [{ id }] = await issue('own limit');
  await admin('PATCH', `tokens/${id}`, { quota: { daily_limit: 7, monthly_limit: 70 } });
  const page = await open(t, found(id));
  await action(page, 'own limit', 'Edit').click();
  const daily = dialog(page).getByLabel('Requests a day');
  assert.equal(await daily.inputValue(), '7');
  await daily.fill('');
  assert.equal(await daily.getAttribute('placeholder'), '100');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await says(row(page, 'own limit'), '0 of 100');
  const { quota } = await admin('GET', `tokens/${id}`);
  assert.deepEqual([quota.daily_limit, quota.monthly_limit], [100, 70]);
});

test('several are chosen and disabled, limited, deleted and restored at once', async (t) => {
  const made = await issue('herd 1', 'herd 2', 'herd 3');
  await admin('PATCH', `tokens/${made[2].id}`, { quota: { daily_limit: 9 } });
  const state = async () =>
    (await admin('GET', 'tokens?q=herd&order=asc')).tokens.map(
      ({ status, quota }) => `${status} ${quota.daily_limit}`,
    );
  const page = await open(t, found('herd'));
  await listed(page);
  const bulk = page.locator('.bulk');
  const press = (name) => bulk.getByRole('button', { name }).click();
  const choose = () => page.getByLabel('Select all on this page').check();
  await choose();
  await says(bulk, '3 selected');
  await press('Disable');
  await says(toast(page), '3 tokens are disabled');
  assert.equal(await bulk.isVisible(), false);
  assert.notEqual(await focused(page), 'nowhere');
  assert.deepEqual(await state(), ['disabled 100', 'disabled 100', 'disabled 9']);
  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await says(toast(page), '3 tokens are enabled');
  assert.deepEqual(await state(), ['active 100', 'active 100', 'active 9']);
  await choose();
  await press('Limits');
  await dialog(page).getByLabel('Requests a day').fill('5');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await says(toast(page), '3 tokens are changed');
  assert.deepEqual(await state(), ['active 5', 'active 5', 'active 5']);
  // Each gets back what it had.
  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await page.locator('.toast').filter({ hasText: 'changed' }).nth(0).waitFor();
  await page.waitForFunction(async () => document.querySelector('.tokens').textContent.includes('of 9'));
  assert.deepEqual(await state(), ['active 100', 'active 100', 'active 9']);
  await choose();
  await press('Delete');
  await says(page.locator('.empty'), 'No token fits');
  await page.getByRole('button', { name: /^Deleted/ }).click();
  await row(page, 'herd 2').waitFor();
  await choose();
  await press('Restore');
  await says(page.locator('.empty'), 'Nothing was deleted');
  assert.deepEqual(await state(), ['active 100', 'active 100', 'active 9']);
  assert.deepEqual(page.trouble, []);
});

test('a search that is still being typed is not lost to what is clicked meanwhile', async (t) => {
  await issue('typed one', 'typed two', 'another');
  const page = await open(t);
  await page.getByLabel('Search tokens').evaluate((search) => {
    search.value = 'typed ';
    search.dispatchEvent(new Event('input'));
    [...document.querySelectorAll('th button')].find((button) => button.textContent === 'Label').click();
  });
  await says(page.locator('.range'), '1–2 of 2');
  assert.equal(await page.getByLabel('Search tokens').inputValue(), 'typed');
});

test('search, filter, order and page are in the address, and there again after a reload', async (t) => {
  const made = await issue(...Array.from({ length: 120 }, (_, i) => `paged ${String(i).padStart(3, '0')}`));
  await admin('PATCH', `tokens/${made[7].id}`, { status: 'disabled' });
  const page = await open(t);
  await page.keyboard.press('/');
  await page.keyboard.type('paged');
  await says(page.locator('.range'), '1–50 of 120');
  assert.equal(await focused(page), 'Search tokens');
  await page.getByRole('button', { name: 'Label', exact: true }).click();
  await says(rows(page).first(), 'paged 119');
  await page.getByRole('button', { name: 'Label', exact: true }).click();
  await says(rows(page).first(), 'paged 000');
  assert.equal(
    await page.getByRole('columnheader', { name: 'Label' }).getAttribute('aria-sort'),
    'ascending',
  );
  await page.getByRole('button', { name: 'Next page' }).click();
  await says(page.locator('.range'), '51–100 of 120');
  await page.getByRole('textbox', { name: 'Page' }).fill('3');
  await page.keyboard.press('Enter');
  await says(page.locator('.range'), '101–120 of 120');
  assert.equal(await page.getByRole('button', { name: 'Next page' }).getAttribute('aria-disabled'), 'true');
  await page.reload();
  await says(page.locator('.range'), '101–120 of 120');
  await says(rows(page).first(), 'paged 100');
  assert.equal(await page.getByLabel('Search tokens').inputValue(), 'paged');
  await page.getByLabel('Per page').selectOption('100');
  await says(page.locator('.range'), '1–100 of 120');
  await page.getByRole('button', { name: /^Disabled/ }).click();
  await says(page.locator('.range'), '1–1 of 1');
  await says(rows(page).first(), 'paged 007');
  // A whole token finds itself, and stands in no address.
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.getByRole('button', { name: /^All/ }).click();
  await page.getByLabel('Search tokens').fill(made[42].token);
  await row(page, 'paged 042').waitFor();
  assert.equal(await page.getByLabel('Search tokens').inputValue(), made[42].token.slice(0, 8));
  for (const url of [page.url(), ...asked]) assert.ok(!url.includes(made[42].token), url);
});

test('the list is saved as CSV, as it is filtered', async (t) => {
  await issue('to a file 1', 'to a file 2');
  const page = await open(t, found('to a file'));
  await listed(page);
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  const download = await saving;
  assert.match(download.suggestedFilename(), /^opencat-tokens-\d{4}-\d\d-\d\d\.csv$/);
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
  assert.equal(lines.length, 3);
  assert.match(lines[1], /to a file 2/);
});

test('what fails is said, with a way to try again, and nothing chosen is lost', async (t) => {
  await issue('fails once');
  const page = await open(t, found('fails once'));
  await page.getByLabel('Select fails once').check();
  await page.route('**/api/admin/tokens?*', (route) => route.abort());
  await page.getByRole('button', { name: 'Label', exact: true }).click();
  await says(page.locator('#notice'), 'cannot be reached');
  await page.unroute('**/api/admin/tokens?*');
  await page.locator('#notice').getByRole('button', { name: 'Try again' }).click();
  await page.locator('#notice').waitFor({ state: 'hidden' });
  await says(page.locator('.bulk'), '1 selected');
});
