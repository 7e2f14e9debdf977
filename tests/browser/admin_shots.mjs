// SPDX-License-Identifier: MIT
// Takes a picture of the admin page in each of its states, in both languages and colours, on a desktop and a phone, to
// be looked at: OPENCAT=…/opencat node admin_shots.mjs FOLDER
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream } from '../fakes/upstream.mjs';
import { sql } from '../support/checks.mjs';
import { chat } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';
import { adminOf, dialog, listed, rows, signIn } from './admin_steps.mjs';
import { openPage, startBrowser } from './browser.mjs';
import { folderFor, looks, photographer } from './pictures.mjs';

const folder = await folderFor('admin_shots.mjs');
const browser = await startBrowser();
for (const locale of ['en-US', 'zh-CN']) {
  const stage = await setUp(locale);
  for (const look of looks.filter((each) => each.locale === locale)) await shoot(stage, look);
  await stage.stop();
}
await browser.close();

/** A server with people of the language, some months of usage, and two upstreams of which one fails. */
async function setUp(locale) {
  const good = await startUpstream({ handle: (call) => call.answer() });
  const gone = await startUpstream();
  await gone.stop();
  const dir = await newFolder();
  const table = (name, { url }, priority) =>
    `[[upstreams]]\nname = "${name}"\nurl = "${url}"\nmodels = ["some-model"]\npriority = ${priority}\n`;
  const plan = '[[plans]]\nname = "trial"\ndaily_limit = 10\nper_minute = 3\nmodels = ["some-model"]\n';
  await writeFile(join(dir, 'opencat.toml'), table('first', gone, 1) + table('second', good, 2) + plan);
  const server = await startServer({ dir, args: [] });
  const admin = adminOf(server);
  const names =
    locale === 'zh-CN'
      ? ['李雷', '韩梅梅', '张三', '物理课', '市场部', '前台', '王小明', '陈老师']
      : ['Ann Lee', 'Bob', 'Physics class', 'Marketing', 'Front desk', 'Dr. Chen', 'Maria', 'Jo'];
  const { tokens } = await admin('POST', 'tokens', {
    labels: [...names, ...names.map((name) => `${name} 2`)],
  });
  await admin('POST', 'plans', {
    name: 'students-2026',
    description: locale === 'zh-CN' ? '2026 年秋季物理课' : 'The physics class of autumn 2026',
    quota: { daily_limit: 50, monthly_limit: 1000 },
    expires_at: '2027-02-01T00:00:00Z',
  });
  await admin('POST', 'plans', { name: 'staff' });
  const ids = tokens.slice(4, 7).map(({ id }) => id);
  await admin('POST', 'tokens/bulk', { ids, action: 'change', change: { plan: 'students-2026' } });
  const day = (n) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);
  tokens.forEach(({ id }, i) => {
    const days = Array.from({ length: 60 }, (_, n) => n).filter((n) => (n * 7 + i * 3) % 5 !== 0);
    const rows = days.map((n) => {
      const requests = 3 + ((n * 13 + i * 29) % 41);
      const model = i % 3 ? 'some-model' : 'another-larger-model';
      return `('${id}', '${day(n)}', '${model}', ${requests}, ${requests * 812}, ${requests * 305})`;
    });
    const columns = 'token_id, date, model, request_count, prompt_tokens, completion_tokens';
    sql(server, `INSERT INTO usage (${columns}) VALUES ${rows.join()};`);
  });
  await admin('PATCH', `tokens/${tokens[1].id}`, { status: 'disabled' });
  await admin('PATCH', `tokens/${tokens[2].id}`, { quota: { daily_limit: 0 } });
  await admin('DELETE', `tokens/${tokens[3].id}`);
  await chat(server, tokens[0].token);
  return {
    server,
    async stop() {
      await server.stop();
      await good.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function shoot({ server }, look) {
  const page = await openPage(browser, `${server.url}/admin`, look);
  const shot = photographer(page, folder, look.name);
  await page.locator('#secret').waitFor();
  await shot('1-sign-in');
  await page.locator('#secret').fill('wrong');
  await page.keyboard.press('Enter');
  await page.locator('#sign-in-words:not([hidden])').waitFor();
  await shot('2-wrong');
  await signIn(page, server.secret);
  await listed(page);
  await rows(page).first().waitFor();
  await shot('3-tokens');
  await rows(page).nth(1).locator('input').check();
  await rows(page).nth(2).locator('input').check();
  await rows(page).nth(4).locator('.acts button').last().click();
  await page.locator('.toast').waitFor();
  await shot('4-chosen-and-undo');
  await page.locator('.toast button').first().click();
  await listed(page);
  await rows(page).first().locator('.acts button').nth(1).click();
  await dialog(page).waitFor();
  await shot('5-edit');
  await page.keyboard.press('Escape');
  await page.locator('.tools .primary').click();
  await dialog(page).waitFor();
  await shot('6-new');
  await dialog(page).locator('button[type=submit]').click();
  await dialog(page).locator('.secrets').waitFor();
  await shot('7-issued-one');
  await dialog(page).locator('.actions .primary').click();
  await page.locator('.tools .primary').click();
  await dialog(page).locator('textarea').fill('one\ntwo\nthree');
  await dialog(page).locator('button[type=submit]').click();
  await dialog(page).locator('.issued-list').waitFor();
  await shot('8-issued-many');
  await dialog(page).locator('.actions .primary').click();
  await page.locator('.choices button').last().click();
  await listed(page);
  await shot('9-deleted');
  await page.locator('.choices button').first().click();
  await page.locator('input[type=search]').fill('nobody of this name');
  await page.locator('.empty').waitFor();
  await shot('a-none-found');
  await page.goto(`${server.url}/admin#/plans`);
  await page.locator('.card .actions button').first().click();
  await shot('b-plan');
  await page.keyboard.press('Escape');
  await page.locator('.card .actions').nth(1).locator('button').last().click();
  await shot('c-plan-delete');
  await page.keyboard.press('Escape');
  for (const [state, view, there] of [
    ['d-usage', 'usage', '.chart canvas'],
    ['e-usage-token', 'usage?group=token', '.bars li'],
    ['f-usage-model', 'usage?group=model', '.bars li'],
    ['g-plans', 'plans', '.card'],
    ['h-upstreams', 'upstreams', '.card'],
    ['i-server', 'server', '.figures dd'],
  ]) {
    await page.goto(`${server.url}/admin#/${view}`);
    await page.locator(there).first().waitFor();
    await shot(state);
  }
  await page.context().setOffline(true);
  await page.locator('#notice:not([hidden])').waitFor();
  await shot('j-offline');
  await page.context().close();
}
