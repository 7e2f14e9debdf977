// SPDX-License-Identifier: MIT
// The download page in a browser: what it puts first, what it lists, and that its links give the zips.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bundleFiles, bundleZip } from '../cli/bundles.mjs';
import { newFolder, startServer } from '../support/server.mjs';
import { openPage, startBrowser } from './browser.mjs';

const platforms = ['win-x64', 'darwin-arm64', 'darwin-x64', 'linux-x64', 'linux-arm64'];
const zipOf = (platform) => bundleZip(bundleFiles({ platform }));
let browser;
let folder;
let server;
before(async () => {
  folder = await newFolder();
  for (const platform of platforms)
    fs.writeFileSync(path.join(folder, `opencat-portable-${platform}.zip`), zipOf(platform), { mode: 0o644 });
  server = await startServer({ prefix: '/opencat', args: ['--demo', '--bundles', folder] });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  fs.rmSync(folder, { recursive: true });
});

const open = async (options) => {
  const page = await openPage(browser, `${server.url}/download`, options);
  await page.waitForSelector('#list li');
  return page;
};

test('this computer’s zip is first, all are listed with their sums, and the link gives the zip', async () => {
  const page = await open();
  assert.match(await page.textContent('#best'), /^Download for Linux( on ARM)? +1 MB$/);
  assert.equal(await page.isVisible('#guess'), false);
  assert.match(await page.textContent('#how'), /double-click install\.sh/);
  assert.equal(await page.locator('#list li').count(), platforms.length);
  const sums = await page.locator('#sums li').allTextContents();
  assert.match(sums.join('\n'), /^[0-9a-f]{64} {2}opencat-portable-win-x64\.zip$/m);
  const arriving = page.waitForEvent('download');
  await page.click('#list a:has-text("Windows")');
  const download = await arriving;
  assert.equal(download.suggestedFilename(), 'opencat-portable-win-x64.zip');
  assert.ok(fs.readFileSync(await download.path()).equals(zipOf('win-x64')));
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('in Chinese, on a narrow dark screen, nothing is cut off', async () => {
  const page = await open({ locale: 'zh-CN', phone: true, dark: true });
  assert.equal(await page.title(), '下载 OpenCat');
  assert.match(await page.textContent('#best'), /下载 Linux/);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${overflow} px too wide`);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});

test('where there is nothing for this computer, or nothing at all, it says so', async () => {
  const away = path.join(folder, 'away');
  fs.mkdirSync(away);
  const zips = fs.readdirSync(folder).filter((name) => name.endsWith('.zip'));
  const move = (names, from, to) =>
    names.forEach((name) => fs.renameSync(path.join(from, name), path.join(to, name)));
  move(
    zips.filter((name) => name.includes('linux')),
    folder,
    away,
  );
  const page = await open();
  assert.match(await page.textContent('#words'), /no download for this device/);
  assert.equal(await page.isVisible('#best'), false);
  move(
    fs.readdirSync(folder).filter((name) => name.endsWith('.zip')),
    folder,
    away,
  );
  await page.reload();
  await page.waitForFunction(() =>
    document.getElementById('words').textContent.includes('nothing to download'),
  );
  assert.equal(await page.isVisible('#all'), false);
  move(zips, away, folder);
  assert.deepEqual(page.trouble, []);
  await page.context().close();
});
