// SPDX-License-Identifier: MIT
// What an operator does and sees on the admin page, and a server's admin API to prepare it with.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openPage } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const rows = (page) => page.locator('table.tokens tbody tr');
export const row = (page, label) => rows(page).filter({ hasText: label });
export const toast = (page) => page.locator('.toast').last();
export const dialog = (page) => page.getByRole('dialog');
export const action = (page, label, name) =>
  row(page, label).getByRole('button', { name: `${name}: ${label}`, exact: true });

/** A page of its own for one test, signed in at `view`, closed after it. */
export async function openAdmin(t, browser, server, { view = '/tokens', ...options } = {}) {
  const page = await openPage(browser, `${server.url}/admin#${view}`, options);
  t.after(() => page.context().close());
  await signIn(page, server.secret);
  return page;
}

export async function signIn(page, secret) {
  await page.locator('#secret').fill(secret);
  await page.keyboard.press('Enter');
  await page.locator('#view:not([hidden])').waitFor();
}

/** The list has been loaded. */
export const listed = (page) => page.locator('.sheet[aria-busy=false]').waitFor();

/** Calls the admin API as the command line would: (method, path, body) to the answer's document. */
export function adminOf(server) {
  return async (method, path, body) => {
    const headers = { 'X-Admin-Secret': server.secret, 'Content-Type': 'application/json' };
    const url = `${server.origin}/api/admin/${path}`;
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.status === 204 ? null : answer.json();
  };
}

/** What axe finds wrong by WCAG 2.2 A and AA and its best practices; each with where. */
export async function axeFindings(page) {
  // By the debugger: the page's own policy would not let a script in.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const run = `axe.run(document, {resultTypes: ['violations']}).then(({violations}) => JSON.stringify(
    violations.map(({id, nodes}) => id + ': ' + nodes.map(({target, failureSummary}) => target + ' ' + failureSummary).join('; '))))`;
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: run,
    awaitPromise: true,
  });
  await session.detach();
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  return JSON.parse(result.value);
}

/** Where the focus is, in words that a failing test can show. */
export const focused = (page) =>
  page.evaluate(() => {
    const node = document.activeElement;
    if (node === null || node === document.body) return 'nowhere';
    return node.getAttribute('aria-label') || node.id || node.textContent;
  });
