// SPDX-License-Identifier: MIT
// Plans on the admin page: made, changed, given to tokens and taken away, in both languages.
// Run: OPENCAT=…/opencat node --test admin_plans.test.mjs
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from '../support/checks.mjs';
import { newFolder, startServer } from '../support/server.mjs';
import {
  action,
  adminOf,
  axeFindings,
  dialog,
  focused,
  listed,
  openAdmin,
  row,
  rows,
  toast,
} from './admin_steps.mjs';
import { startBrowser } from './browser.mjs';
import { says, stickingOut } from './steps.mjs';

const file = `[[plans]]
name = "of-the-file"
description = "Kept with the configuration"
daily_limit = 40
`;

let browser;
let dir;
let server;
let admin;
before(async () => {
  dir = await newFolder();
  await writeFile(join(dir, 'opencat.toml'), file);
  server = await startServer({ dir, args: ['--demo'] });
  admin = adminOf(server);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

const open = (t, view, options) => openAdmin(t, browser, server, { view, ...options });
const found = (q) => `/tokens?${new URLSearchParams({ q })}`;
const card = (page, name) =>
  page.locator('.card').filter({ has: page.getByRole('heading', { name, exact: true }) });
const press = (where, name) => where.getByRole('button', { name, exact: true }).click();
const lineOf = (page, name) => page.locator('.sums tbody tr').filter({ hasText: name });
const ofPlan = (page) => page.getByRole('combobox', { name: 'Plan', exact: true });
const save = (page) => press(dialog(page), 'Save');
/** The limits and the plan of each token that `q` finds, in the order of their issue. */
const held = async (q) =>
  (await admin('GET', `tokens?order=asc&q=${encodeURIComponent(q)}`)).tokens.map(
    ({ plan, quota }) => `${plan} ${quota.daily_limit} ${quota.monthly_limit}`,
  );

/** A plan of this name and limit a day, and tokens of it with these labels. */
async function prepare(name, daily_limit, ...labels) {
  await admin('POST', 'plans', { name, quota: { daily_limit } });
  return labels.length > 0 ? (await admin('POST', 'tokens', { labels, plan: name })).tokens : [];
}

test('a plan is made, a token gets it, and what changes in the plan changes for the token', async (t) => {
  const page = await open(t, '/plans');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await press(page, 'New plan');
  await dialog(page).getByLabel('Name').fill('students');
  await dialog(page).getByLabel('Description').fill('The course of 2026');
  await dialog(page).getByLabel('Requests a day').fill('30');
  await dialog(page).getByLabel('Requests a minute').fill('4');
  await dialog(page).getByLabel('Models, one a line').fill(' opencat-demo \n\n');
  await save(page);
  await says(toast(page), 'Plan “students” is saved');
  const students = card(page, 'students');
  for (const words of [
    'The course of 2026',
    'Tokens0',
    'Requests a day30',
    'Requests a minute4',
    'opencat-demo',
  ])
    await says(students, words);
  const {
    name,
    quota,
    requests_per_minute: perMinute,
    models,
    expires_at: end,
  } = await admin('GET', 'plans/students');
  assert.deepEqual([name, quota.daily_limit, quota.monthly_limit], ['students', 30, null]);
  assert.deepEqual([perMinute, models, end], [4, ['opencat-demo'], null]);

  await page.getByRole('link', { name: 'Tokens', exact: true }).click();
  await listed(page);
  await press(page, 'New tokens');
  await dialog(page).getByLabel('Labels').fill('a student');
  await dialog(page).getByLabel('Plan').selectOption('students');
  // What holds where nothing is filled in: the plan's, and the server's where the plan says nothing.
  const empty = (name) => dialog(page).getByLabel(name).getAttribute('placeholder');
  assert.deepEqual([await empty('Requests a day'), await empty('Requests a month')], ['30', '3000']);
  await press(dialog(page), 'Make 1 token');
  await press(dialog(page), 'Copy token');
  await press(dialog(page), 'Done');
  await dialog(page).waitFor({ state: 'detached' });
  await says(row(page, 'a student'), '0 of 30');
  await says(row(page, 'a student'), 'students');

  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  await says(students, 'Tokens1');
  await press(students, 'Edit: students');
  assert.equal(await dialog(page).getByLabel('Name').isDisabled(), true);
  await dialog(page).getByLabel('Requests a day').fill('55');
  await dialog(page).getByLabel('Requests a month').fill('600');
  await save(page);
  await says(students, 'Requests a day55');
  assert.equal(await focused(page), 'Edit: students');
  assert.deepEqual(await held('a student'), ['students 55 600']);
  await students.getByRole('link', { name: 'Tokens of “students”: 1' }).click();
  await says(row(page, 'a student'), '0 of 55');
  assert.deepEqual(page.trouble, []);
});

test('what is wrong in a plan’s form is said at its field, and nothing is made', async (t) => {
  const page = await open(t, '/plans');
  await press(page, 'New plan');
  for (const [label, wrong, good, words] of [
    ['Name', 'With Capitals', 'wrong-once', 'the first a letter or a digit'],
    ['Requests a day', '-1', '5', 'a whole number'],
    ['Requests a minute', '0', '5', '1 or more'],
  ]) {
    const field = dialog(page).getByLabel(label);
    await field.fill(wrong);
    await save(page);
    await says(dialog(page).locator('.problem:not([hidden])'), words);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', label);
    assert.equal(await field.evaluate((node) => node === document.activeElement), true, label);
    await field.fill(good);
  }
  await dialog(page).getByLabel('Name').fill('of-the-file');
  await save(page);
  await says(dialog(page).getByRole('alert'), 'already');
  await press(dialog(page), 'Cancel');
  const { plans } = await admin('GET', 'plans');
  assert.ok(!plans.some(({ name }) => name === 'wrong-once'));
});

test('the list shows the tokens of one plan, which the address keeps', async (t) => {
  await prepare('filtered', 5, 'of the plan 1', 'of the plan 2');
  await admin('POST', 'tokens', { labels: ['of no plan'] });
  const page = await open(t, '/tokens');
  await listed(page);
  await ofPlan(page).selectOption('filtered');
  await says(page.locator('.range'), '1–2 of 2');
  assert.equal(await row(page, 'of no plan').count(), 0);
  assert.match(page.url(), /plan=filtered/);
  await page.reload();
  await says(page.locator('.range'), '1–2 of 2');
  assert.equal(await ofPlan(page).inputValue(), 'filtered');
  await ofPlan(page).selectOption('All plans');
  await row(page, 'of no plan').waitFor();
});

test('one token is put onto a plan, off it, and back by Undo; its own limit wins', async (t) => {
  await prepare('single', 12);
  await admin('POST', 'tokens', { labels: ['alone'] });
  const page = await open(t, found('alone'));
  const edit = () => action(page, 'alone', 'Edit').click();
  await edit();
  await dialog(page).getByLabel('Plan').selectOption('single');
  assert.equal(await dialog(page).getByLabel('Requests a day').inputValue(), '');
  await save(page);
  await says(row(page, 'alone'), '0 of 12');
  assert.deepEqual(await held('alone'), ['single 12 3000']);
  await edit();
  await dialog(page).getByLabel('Requests a day').fill('99');
  await save(page);
  await says(row(page, 'alone'), '0 of 99');
  // Emptied, it is the plan's again, as the field says.
  await edit();
  await dialog(page).getByLabel('Requests a day').fill('');
  assert.equal(await dialog(page).getByLabel('Requests a day').getAttribute('placeholder'), '12');
  await save(page);
  await says(row(page, 'alone'), '0 of 12');
  await edit();
  await dialog(page).getByLabel('Plan').selectOption('No plan');
  await save(page);
  await says(row(page, 'alone'), '0 of 100');
  assert.deepEqual(await held('alone'), ['null 100 3000']);
  await press(toast(page), 'Undo');
  await says(row(page, 'alone'), '0 of 12');
  assert.deepEqual(await held('alone'), ['single 12 3000']);
  assert.deepEqual(page.trouble, []);
});

test('several tokens are put onto a plan and off it at once, and each gets back what it had', async (t) => {
  await prepare('many', 8);
  const { tokens } = await admin('POST', 'tokens', { labels: ['crowd 1', 'crowd 2', 'crowd 3'] });
  await admin('PATCH', `tokens/${tokens[2].id}`, { quota: { daily_limit: 3 } });
  const page = await open(t, found('crowd'));
  await listed(page);
  const change = async (plan) => {
    await page.getByLabel('Select all on this page').check();
    await press(page.locator('.bulk'), 'Plan and limits');
    await dialog(page).getByLabel('Plan').selectOption(plan);
    await save(page);
    await dialog(page).waitFor({ state: 'detached' });
  };
  const shows = (...limits) =>
    page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll('table.tokens td.today')].map((cell) => cell.textContent).join() ===
        wanted,
      limits
        .map((n) => `0 of ${n}`)
        .reverse()
        .join(),
    );
  await change('many');
  await shows(8, 8, 8);
  assert.deepEqual(await held('crowd'), ['many 8 3000', 'many 8 3000', 'many 8 3000']);
  await press(toast(page), 'Undo');
  await shows(100, 100, 3);
  assert.deepEqual(await held('crowd'), ['null 100 3000', 'null 100 3000', 'null 3 3000']);
  await change('many');
  await shows(8, 8, 8);
  await change('No plan');
  await shows(100, 100, 100);
  assert.deepEqual(await held('crowd'), ['null 100 3000', 'null 100 3000', 'null 100 3000']);
  assert.deepEqual(page.trouble, []);
});

test('a plan with tokens is deleted only when it is said which plan they get', async (t) => {
  await prepare('goes', 6, 'moved 1', 'moved 2');
  await prepare('stays', 9);
  const page = await open(t, '/plans');
  await press(card(page, 'goes'), 'Delete: goes');
  await says(dialog(page), 'It has 2 tokens.');
  await press(dialog(page), 'Delete');
  await says(dialog(page).locator('.problem:not([hidden])'), 'Choose the plan they get');
  assert.deepEqual(await held('moved'), ['goes 6 3000', 'goes 6 3000']);
  await dialog(page).getByLabel('Its tokens get').selectOption('stays');
  await press(dialog(page), 'Delete');
  await says(toast(page), 'Plan “goes” is deleted');
  await card(page, 'goes').waitFor({ state: 'detached' });
  await says(card(page, 'stays'), 'Tokens2');
  assert.notEqual(await focused(page), 'nowhere');
  assert.deepEqual(await held('moved'), ['stays 9 3000', 'stays 9 3000']);
  assert.deepEqual(page.trouble, []);
});

test('a plan that deleted tokens alone have is deleted with a plan for them, one of none at once', async (t) => {
  const [{ id }] = await prepare('nearly-empty', 6, 'was deleted');
  await admin('DELETE', `tokens/${id}`);
  await prepare('heir', 9);
  const page = await open(t, '/plans');
  await says(card(page, 'nearly-empty'), 'Tokens0');
  await press(card(page, 'nearly-empty'), 'Delete: nearly-empty');
  const target = dialog(page).getByLabel('Its tokens get');
  assert.equal(await target.isVisible(), false);
  await press(dialog(page), 'Delete');
  await says(dialog(page).getByRole('alert'), 'Deleted tokens, which may be restored');
  await target.selectOption('heir');
  await press(dialog(page), 'Delete');
  await card(page, 'nearly-empty').waitFor({ state: 'detached' });
  await admin('POST', 'tokens/bulk', { ids: [id], action: 'restore' });
  assert.deepEqual(await held('was deleted'), ['heir 9 3000']);
  await prepare('empty', 1);
  await page.reload();
  await press(card(page, 'empty'), 'Delete: empty');
  await says(dialog(page), 'It has no tokens.');
  await press(dialog(page), 'Delete');
  await card(page, 'empty').waitFor({ state: 'detached' });
});

test('a plan of the file shows what it says and where it is changed, and no way to do it here', async (t) => {
  const page = await open(t, '/plans');
  const fixed = card(page, 'of-the-file');
  await says(fixed, 'Requests a day40');
  await says(fixed, 'In the configuration file; change it there, then send SIGHUP.');
  assert.equal(await fixed.getByRole('button').count(), 0);
});

test('axe finds nothing and nothing sticks out, light and dark, in both languages', async (t) => {
  await admin('POST', 'plans', {
    name: 'a-name-as-long-as-a-plan-can-have-000000',
    description: '长'.repeat(60),
    models: ['a-model-with-quite-a-long-name-indeed-2026-11-28-preview', 'small'],
    expires_at: '2020-01-01T00:00:00Z',
  });
  for (const look of [{ locale: 'en-US' }, { locale: 'zh-CN', dark: true }]) {
    const page = await open(t, '/plans', look);
    const clean = async (where) => {
      assert.deepEqual(await axeFindings(page), [], `${where} ${JSON.stringify(look)}`);
      // What scrolls inside itself may be longer.
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      const out = (await stickingOut(page)).join('\n');
      assert.equal(beyond, 0, `${where} ${JSON.stringify(look)}: ${out}`);
    };
    const chinese = look.locale === 'zh-CN';
    await says(card(page, 'of-the-file'), chinese ? '写在配置文件中' : 'In the configuration file');
    await says(card(page, 'a-name-as-long-as-a-plan-can-have-000000'), chinese ? '已到期' : 'Ended');
    await clean('plans');
    await press(page, chinese ? '新建套餐' : 'New plan');
    await says(dialog(page), chinese ? '每分钟请求数' : 'Requests a minute');
    await clean('form');
    await page.keyboard.press('Escape');
    await page.locator('.card .actions button').last().click();
    await says(dialog(page), chinese ? '删除套餐' : 'Delete plan');
    await clean('delete');
    await page.keyboard.press('Escape');
    await page.goto(`${server.url}/admin#/tokens`);
    await listed(page);
    await rows(page).first().waitFor();
    await clean('tokens');
    await rows(page).first().locator('input').check();
    await press(page.locator('.bulk'), chinese ? '套餐与限额' : 'Plan and limits');
    await clean('bulk');
    assert.deepEqual(page.trouble, []);
  }
});

test('usage by plan: what the tokens of each used, and those without one, in both languages', async (t) => {
  const [ann, bob] = await prepare('measured', 5, 'Ann of the plan', 'Bob of the plan');
  const alone = await admin('POST', 'tokens', { label: 'nobody’s' });
  const use = (id, n) =>
    `INSERT INTO usage (token_id, date, model, request_count, prompt_tokens, completion_tokens)
     VALUES ('${id}', date('now'), 'm', ${n}, ${n * 100}, ${n * 10});`;
  sql(server, use(ann.id, 30) + use(bob.id, 12) + use(alone.id, 7));
  for (const [locale, none, plan, hint] of [
    ['en-US', 'No plan', 'Plan', 'By the plan that each token has now.'],
    ['zh-CN', '无套餐', '套餐', '按每个令牌现在的套餐统计。'],
  ]) {
    const page = await open(t, '/usage', { locale });
    await page.locator('.usage-view .choices').getByRole('button', { name: plan, exact: true }).click();
    const lines = page.locator('.sums tbody tr');
    await says(page.locator('.sums thead th').first(), plan);
    await says(lines.first(), 'measured4285.7%4,200420');
    await says(lines.nth(1), `${none}714.3%70070`);
    await says(page.locator('.bars li').nth(1), none);
    await says(page.locator('.usage .hint').last(), hint);
    assert.deepEqual(await axeFindings(page), []);
    assert.deepEqual(page.trouble, []);
  }
  const page = await open(t, '/usage?group=plan');
  await lineOf(page, 'measured').waitFor();
  const saving = page.waitForEvent('download');
  await press(page, 'Export CSV');
  const csv = await readFile(await (await saving).path(), 'utf8');
  assert.match(csv, /^\ufeffplan,requests,.*\r\nmeasured,42,4200,420,/);
});
