// SPDX-License-Identifier: MIT
// The admin page with very many tokens, with hostile ones, and while somebody chats.
// Run: OPENCAT=…/opencat node --test admin_many.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { sql } from '../support/checks.mjs';
import { bearer } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';
import { adminOf, dialog, listed, openAdmin, rows } from './admin_steps.mjs';
import { startBrowser } from './browser.mjs';
import { says } from './steps.mjs';
import { payloads } from './xss_payloads.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

async function serve(t, ...args) {
  const server = await startServer({ args });
  t.after(() => server.stop());
  return server;
}

test('100,000 tokens are paged through, searched and sorted', async (t) => {
  const server = await serve(t, '--demo');
  await server.issue();
  const { total } = await adminOf(server)('GET', 'tokens');
  const [[columns]] = sql(server, `SELECT group_concat(name) AS names FROM pragma_table_info('tokens')`);
  const values = columns.split(',').map(
    (name) =>
      ({
        seq: 'NULL',
        id: `printf('tok_%016x', n)`,
        token_hash: 'randomblob(32)',
        label: `printf('user %06d', n)`,
      })[name] ?? name,
  );
  sql(
    server,
    `INSERT INTO tokens (${columns}) WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${100_000 - total})
     SELECT ${values} FROM counted, (SELECT * FROM tokens LIMIT 1);`,
  );
  const page = await openAdmin(t, browser, server, { view: '/tokens?sort=label&order=asc' });
  await says(page.locator('.range'), 'of 100,000');
  await page.getByRole('textbox', { name: 'Page' }).fill('2000');
  await page.keyboard.press('Enter');
  await says(page.locator('.range'), '99,951–100,000 of 100,000');
  await says(rows(page).last(), 'user 099998');
  await page.getByLabel('Search tokens').fill('user 054321');
  await says(page.locator('.range'), '1–1 of 1');
  await says(rows(page).first(), 'user 054321');
  assert.deepEqual(page.trouble, []);
});

test(`${payloads.length} payloads as labels of tokens do nothing, in the list, in usage and when they are new`, async (t) => {
  const server = await serve(t, '--demo');
  const admin = adminOf(server);
  const page = await openAdmin(t, browser, server, { view: '/server' });
  const { tokens: before } = await admin('GET', 'tokens');
  const ran = [];
  const fetched = [];
  page.on('dialog', (shown) => (ran.push(shown.message()), shown.dismiss()));
  page.on('popup', (popup) => ran.push(popup.url()));
  page.on('request', (request) => {
    const own = request.url().startsWith(`${server.origin}/`) || /^(blob|data):/.test(request.url());
    if (!own) fetched.push(request.url());
  });
  const clean = async (where) => {
    const foreign = ':is(iframe, script, img, math, form, style, object, a[href^=java])';
    const bad = page.locator(`#view ${foreign}, .issued-list ${foreign}`);
    assert.deepEqual([await bad.count(), ran, fetched], [0, [], []], where);
  };
  // What a label cannot hold is refused by the server and so no danger: lines, and more than 200 bytes.
  const lines = payloads.map((payload) => payload.replace(/\p{Cc}/gu, ' ').trim());
  const labels = lines.filter((label) => label !== '' && Buffer.byteLength(label) <= 200);
  assert.ok(labels.length >= 150, `${labels.length}`);
  await page.goto(`${server.url}/admin#/tokens?limit=500`);
  await listed(page);
  await page.locator('.tools .primary').click();
  await dialog(page).locator('textarea').fill(labels.join('\n'));
  await dialog(page).locator('button[type=submit]').click();
  await dialog(page).locator('.issued-list').waitFor();
  assert.deepEqual(await dialog(page).locator('.whose').allTextContents(), labels);
  await clean('issued');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  await page.waitForFunction(
    (n) => document.querySelectorAll('table.tokens tbody tr').length === n,
    labels.length + before.length,
  );
  await clean('list');
  const isNew = ({ id }) => !before.some((old) => old.id === id);
  const tokens = (await admin('GET', 'tokens?limit=500')).tokens.filter(isNew);
  assert.deepEqual(tokens.map(({ label }) => label).sort(), [...labels].sort());
  for (const { id, label } of tokens) {
    const model = label.replaceAll("'", "''");
    sql(
      server,
      `INSERT INTO usage (token_id, date, model, request_count) VALUES ('${id}', date('now'), '${model}', 1);`,
    );
  }
  for (const group of ['token', 'model']) {
    await page.goto(`${server.url}/admin#/usage?group=${group}`);
    await page.waitForFunction(
      (n) => document.querySelectorAll('.sums tbody tr').length >= n,
      new Set(labels).size,
    );
    await clean(`usage by ${group}`);
  }
  assert.deepEqual(page.trouble, []);
});

test('the streams that are open are counted live', async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.stop());
  const server = await serve(t, '--upstream-url', upstream.url, '--upstream-model', 'm');
  const page = await openAdmin(t, browser, server, { view: '/server' });
  await says(page.locator('.figures'), 'Streams open0');
  const { token } = await server.issue();
  const asking = fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...bearer(token), 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
  });
  const model = await upstream.next();
  model.say('one');
  const answer = await asking;
  await says(page.locator('.figures'), 'Streams open1');
  model.done();
  await answer.text();
  await says(page.locator('.figures'), 'Streams open0');
});
