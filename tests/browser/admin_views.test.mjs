// SPDX-License-Identifier: MIT
// The admin page's other views, its languages and colours, and what holds for all of it: nothing hostile runs, nothing
// sticks out, axe finds nothing, the policy holds. Run: OPENCAT=…/opencat node --test admin_views.test.mjs
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { sql, usageOf } from '../support/checks.mjs';
import { ask, chat } from '../support/http.mjs';
import { parseMetrics } from '../support/metrics.mjs';
import { startServer } from '../support/server.mjs';
import {
  adminOf,
  axeFindings,
  dialog,
  focused,
  listed,
  openAdmin,
  row,
  rows,
  signIn,
} from './admin_steps.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { barColor, says, stickingOut } from './steps.mjs';

const hostile = [
  '<img src=x onerror=window.ran=1>',
  '<script>window.ran=1</script>',
  '"><svg/onload=window.ran=1>',
  "'-window.ran=1-'",
  '<iframe srcdoc="<script>parent.ran=1</script>">',
  '<a href="javascript:window.ran=1">x</a>',
  '</title></textarea></style><script>window.ran=1</script>',
  '{{constructor.constructor("window.ran=1")()}}',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=window.ran=1>',
  '\u202Egnp.exe',
];

let browser;
let server;
let admin;
before(async () => {
  server = await startServer();
  admin = adminOf(server);
  browser = await startBrowser();
  const { tokens } = await admin('POST', 'tokens', { labels: ['Ann', '张三', ...hostile] });
  const days = (n) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);
  const use = (id, date, model, n) =>
    `INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens) VALUES
     ('${id}', '${date}', '${model.replaceAll("'", "''")}', ${n}, ${n * 100}, ${n * 10});`;
  const some = tokens.map(({ id }, i) => use(id, days(i % 5), i < 2 ? 'some-model' : hostile[i - 2], 10 + i));
  sql(server, some.join('') + use(tokens[0].id, days(60), 'some-model', 500));
  await admin('PATCH', `tokens/${tokens[1].id}`, { status: 'disabled' });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (t, view, options) => openAdmin(t, browser, server, { view, ...options });
const figures = (page) => page.locator('.figures dd').allTextContents();

test('usage by day: sums, two charts, and a table with the same, for the days that are chosen', async (t) => {
  const page = await open(t, '/usage');
  await page.locator('.chart canvas').nth(1).waitFor();
  const total = hostile.map((_, i) => 12 + i).reduce((a, b) => a + b, 10 + 11);
  assert.deepEqual(
    await figures(page),
    [total, total * 100, total * 10].map((n) => n.toLocaleString('en')),
  );
  assert.equal(await page.locator('.sums tbody tr').count(), 5);
  await page.getByRole('img', { name: 'Requests a day, chart.' }).waitFor();
  // Something is drawn, and the pointer is told what.
  const box = await page.locator('.plot .u-over').first().boundingBox();
  await page.mouse.move(box.x + box.width - 8, box.y + box.height - 5);
  await says(page.locator('.tip').first(), /Requests \d+/);
  await page.getByLabel('Period').selectOption('90');
  await says(page.locator('.figures dd').first(), String(total + 500));
  await page.getByLabel('Period').selectOption('custom');
  await page.getByLabel('From', { exact: true }).fill('2020-01-01');
  await page.getByLabel('To', { exact: true }).fill('2020-01-31');
  await says(page.locator('.usage .empty'), 'No request was made');
  await page.getByLabel('To', { exact: true }).fill('2019-01-31');
  await says(page.locator('.usage-view .problem'), 'must not be later');
  assert.deepEqual(page.trouble, []);
});

test('usage by token and by model, the most first, and on to one token', async (t) => {
  const page = await open(t, '/usage?group=token&days=90');
  await says(page.locator('.sums tbody tr').first(), 'Ann');
  await says(page.locator('.bars li').first(), 'Ann');
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  const csv = await readFile(await (await saving).path(), 'utf8');
  assert.match(csv, /^\ufeffid,token,label,requests/);
  assert.match(csv, /Ann,510,/);
  await page.getByRole('button', { name: 'Model' }).click();
  await says(page.locator('.sums tbody tr').first(), 'some-model');
  await page.getByRole('button', { name: 'Token', exact: true }).click();
  await page.locator('.sums').getByRole('button', { name: 'Ann' }).click();
  await says(page.locator('.filter'), 'Usage of Ann');
  await says(page.locator('.figures dd').first(), '510');
  assert.equal(await page.locator('.sums tbody tr').count(), 2);
  assert.notEqual(await focused(page), 'nowhere');
  await page.getByRole('button', { name: 'All tokens' }).click();
  await page.locator('.filter').waitFor({ state: 'hidden' });
  assert.notEqual(await focused(page), 'nowhere');
});

test('upstreams: how each is doing, live', async (t) => {
  const model = await startUpstream({ handle: (call) => call.answer() });
  const own = await startServer({ args: ['--upstream-url', model.url, '--upstream-model', 'm'] });
  t.after(async () => {
    await own.stop();
    await model.stop().catch(() => {});
  });
  const { token } = await own.issue();
  const page = await openAdmin(t, browser, own, { view: '/upstreams' });
  const card = page.locator('.card');
  await says(card, 'Healthy');
  await says(card, model.url);
  assert.equal((await chat(own, token)).status, 200);
  await usageOf(own, token);
  await says(card, /Calls1/);
  await model.stop();
  assert.equal((await chat(own, token)).status, 502);
  await says(card, 'Cooling down');
  await says(card, /Failures1 \(50%\)/);
  await says(page.locator('#announcer'), 'fails, and is cooling down');
  assert.deepEqual(page.trouble, []);
});

test('server: version, uptime, streams, database and tokens, live, and said when it is away', async (t) => {
  const page = await open(t, '/server');
  const { version, tokens } = await admin('GET', 'server');
  await says(page.locator('.facts'), version);
  await says(page.locator('.figures'), /Up for\d+ min \d+ s/);
  await says(page.locator('.figures'), `Tokens${tokens.total}`);
  await says(page.locator('.figures'), /Database[\d.]+ [kM]B/);
  await admin('POST', 'tokens', {});
  await says(page.locator('.figures'), `Tokens${tokens.total + 1}`);
  await page.context().setOffline(true);
  await says(page.locator('#notice'), 'You are offline');
  await says(page.locator('.pulse'), 'Waiting for the server');
  await page.context().setOffline(false);
  await page.locator('#notice').waitFor({ state: 'hidden' });
  await says(page.locator('.pulse'), 'Live');
});

test('Chinese and English after the browser, switched by a press, kept, and the focus stays', async (t) => {
  const page = await open(t, '/usage', { locale: 'zh-CN' });
  await page.getByText('每天请求数').first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByText('Requests a day').first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  assert.equal(await focused(page), 'language');
  assert.match(await page.title(), /^Usage/);
  await page.reload();
  await page.getByText('Requests a day').first().waitFor();
  assert.deepEqual(page.trouble, []);
});

test('colours follow the system until they are chosen, and the charts and the browser’s bars with them', async (t) => {
  const page = await open(t, '/usage', { dark: true });
  const paper = async () => {
    const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await barColor(page), colour, 'the browser’s own bars');
    return colour;
  };
  await page.locator('.chart canvas').first().waitFor();
  const bar = () =>
    page.evaluate(() => {
      const canvas = document.querySelector('.chart canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const counts = new Map();
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] !== 255) continue;
        const key = `${data[i]},${data[i + 1]},${data[i + 2]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
    });
  assert.equal(await paper(), 'rgb(23, 22, 19)');
  assert.equal(await bar(), '224,143,98');
  const theme = page.locator('#theme');
  await theme.click();
  assert.equal(await paper(), 'rgb(250, 248, 244)');
  assert.equal(await bar(), '180,86,44');
  assert.match(await theme.getAttribute('aria-label'), /light/);
  await page.reload();
  assert.equal(await paper(), 'rgb(250, 248, 244)');
  await theme.click();
  await page.emulateMedia({ colorScheme: 'light' });
  assert.equal(await paper(), 'rgb(23, 22, 19)');
  await theme.click();
  assert.equal(await paper(), 'rgb(250, 248, 244)');
});

test('hostile labels and model names are text, everywhere that they are shown', async (t) => {
  const page = await open(t, '/tokens?order=asc');
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  const clean = async (where) => {
    assert.equal(await page.evaluate(() => window.ran), undefined, where);
    assert.equal(
      await page.locator('main :is(iframe, script, img, math), main a[href^=java]').count(),
      0,
      where,
    );
  };
  for (const label of hostile) await row(page, label).first().waitFor();
  await clean('list');
  for (const label of hostile.slice(0, 3)) {
    const line = row(page, label).first();
    await line.getByRole('button', { name: /^Edit/ }).click();
    assert.equal(await dialog(page).getByLabel('Label').inputValue(), label);
    await page.keyboard.press('Escape');
    await line.getByRole('button', { name: /^Disable/ }).click();
    await says(page.locator('.toast').last(), label);
    await clean('toast');
  }
  await page.getByRole('button', { name: 'New tokens' }).click();
  await dialog(page).getByLabel('Labels').fill(hostile.join('\n'));
  await dialog(page).locator('button[type=submit]').click();
  await says(dialog(page).locator('.whose').first(), hostile[0]);
  await clean('issued');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  for (const view of [
    '/usage?group=token',
    '/usage?group=model',
    '/usage?group=plan',
    `/usage?token=x&name=${encodeURIComponent(hostile[0])}`,
  ]) {
    await page.goto(`${server.url}/admin#${view}`);
    await page.locator('.usage[aria-busy=false]').waitFor();
    await clean(view);
  }
  for (const url of asked) assert.ok(url.startsWith(`${server.origin}/`) || url.startsWith('blob:'), url);
  assert.deepEqual(page.trouble, []);
});

test('text cannot be made into markup or code: the policy demands Trusted Types', async (t) => {
  const page = await open(t, '/server');
  const attempt = (code) =>
    page.evaluate(`(() => { try { ${code}; return 'done' } catch (error) { return error.name } })()`);
  assert.equal(await attempt('document.body.innerHTML = "<b>x</b>"'), 'TypeError');
  assert.equal(await attempt('trustedTypes.createPolicy("mine", {})'), 'TypeError');
});

test('on a phone nothing sticks out sideways, in any view, in both languages', async (t) => {
  for (const locale of ['en-US', 'zh-CN']) {
    const page = await openPage(browser, `${server.url}/admin`, { locale, phone: true });
    t.after(() => page.context().close());
    await page.setViewportSize({ width: 320, height: 640 });
    const tidy = async (where) => {
      // What scrolls inside itself may be longer.
      const out = await stickingOut(page);
      const inside = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.equal(inside, 0, `${where} ${locale}: ${out.join('\n')}`);
    };
    await tidy('sign-in');
    await signIn(page, server.secret);
    await rows(page).first().waitFor();
    await tidy('tokens');
    await page.locator('.tokens tbody input').first().check();
    await tidy('chosen');
    await page.locator('.tools .primary').click();
    await dialog(page)
      .locator('textarea')
      .fill(`${'长'.repeat(60)}\nb`);
    await tidy('form');
    await dialog(page).locator('button[type=submit]').click();
    await dialog(page).locator('.issued-list').waitFor();
    await tidy('issued');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    for (const [view, there] of [
      ['usage', '.chart canvas'],
      ['usage?group=model', '.bars li'],
      ['upstreams', '.card'],
      ['server', '.figures dd'],
    ]) {
      await page.goto(`${server.url}/admin#/${view}`);
      await page.locator(there).first().waitFor();
      await tidy(view);
    }
    assert.deepEqual(page.trouble, []);
  }
});

test('axe finds nothing, in any view, phone and desktop, light and dark', async (t) => {
  for (const look of [{}, { phone: true, dark: true, locale: 'zh-CN' }]) {
    const page = await openPage(browser, `${server.url}/admin`, look);
    t.after(() => page.context().close());
    const clean = async (where) =>
      assert.deepEqual(await axeFindings(page), [], `${where} ${JSON.stringify(look)}`);
    await clean('sign-in');
    await signIn(page, server.secret);
    await listed(page);
    await clean('tokens');
    await page.locator('.tokens tbody input').nth(1).check();
    await page.locator('.tokens tbody tr').nth(4).locator('.acts button').last().click();
    await page.locator('.toast').waitFor();
    await clean('chosen and told');
    await page.locator('.tokens tbody tr').first().locator('.acts button').nth(1).click();
    await clean('edit');
    await page.keyboard.press('Escape');
    await page.locator('.tools .primary').click();
    await clean('form');
    await dialog(page).locator('button[type=submit]').click();
    await dialog(page).locator('.secrets').waitFor();
    await clean('issued');
    await dialog(page).locator('.actions .primary').click();
    for (const [view, there] of [
      ['usage', '.chart canvas'],
      ['usage?group=token', '.bars li'],
      ['upstreams', '.card'],
      ['server', '.figures dd'],
    ]) {
      await page.goto(`${server.url}/admin#/${view}`);
      await page.locator(there).first().waitFor();
      await clean(view);
    }
  }
});

test('all is reached and done by the keyboard, and the focus can be seen', async (t) => {
  const page = await open(t, '/tokens');
  await listed(page);
  await page.keyboard.press('Tab');
  const stops = [];
  for (let i = 0; i < 30; i += 1) {
    const stop = await page.evaluate(() => {
      const node = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(node);
      const name = node.getAttribute('aria-label') ?? node.textContent;
      return { name: name || node.id, seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1 };
    });
    stops.push(stop.name);
    assert.ok(stop.seen, `${stop.name} shows no focus`);
    await page.keyboard.press('Tab');
  }
  for (const name of ['Search tokens', 'Export CSV', 'New tokens', 'Select all on this page', 'Label'])
    assert.ok(
      stops.some((stop) => stop.startsWith(name)),
      `${name} in ${stops}`,
    );
  await page.getByRole('link', { name: 'Usage' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.chart canvas').first().waitFor();
  assert.equal(await page.getByRole('link', { name: 'Usage' }).getAttribute('aria-current'), 'page');
  assert.equal(await focused(page), 'Usage');
});

test('the page comes in three requests, packed, and a second visit asks for the page alone', async (t) => {
  const page = await openPage(browser, 'about:blank');
  t.after(() => page.context().close());
  const answers = [];
  page.on('response', (response) => response.url().startsWith('http') && answers.push(response));
  await page.goto(`${server.url}/admin`, { waitUntil: 'networkidle' });
  assert.equal(answers.length, 3, answers.map((answer) => answer.url()).join(' '));
  for (const answer of answers) {
    const { headers } = await ask(answer.url(), { headers: { 'Accept-Encoding': 'br' } });
    assert.equal(headers['content-encoding'], 'br', answer.url());
  }
  const fetched = async () => {
    const { series } = parseMetrics((await ask(`${server.origin}/metrics`)).body.toString());
    const counts = series.filter(({ name }) => name === 'http_server_request_duration_seconds_count');
    const of = (start) => counts.filter(({ labels }) => labels.http_route.startsWith(start));
    return ['/assets/', '/admin'].map((start) => of(start).reduce((sum, { value }) => sum + value, 0));
  };
  const [assets, pages] = await fetched();
  await page.goto(`${server.url}/admin?again`, { waitUntil: 'networkidle' });
  assert.deepEqual(await fetched(), [assets, pages + 1]);
});
