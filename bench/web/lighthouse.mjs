// SPDX-License-Identifier: MIT
// node bench/web/lighthouse.mjs: Lighthouse's scores of the chat and the admin page, as it measures a phone, and what costs points.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';
import { flags } from '../../tests/browser/browser.mjs';
import { startServer } from '../../tests/support/server.mjs';

process.env.OPENCAT ??= join(fileURLToPath(new URL('../..', import.meta.url)), 'build/release/opencat');
const onlyCategories = ['performance', 'accessibility', 'best-practices'];

const server = await startServer();
const chrome = await launch({
  chromePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  chromeFlags: flags,
  logLevel: 'silent',
});
try {
  await measure('chat', (await server.issue()).chat_url);
  await measure('admin', `${server.url}/admin`);
} finally {
  chrome.kill();
  await server.stop();
}

async function measure(page, url) {
  const { lhr } = await lighthouse(url, { port: chrome.port, onlyCategories, logLevel: 'silent' });
  if (lhr.runtimeError) console.error(`bench: Lighthouse: ${lhr.runtimeError.message}`);
  for (const { title, score, auditRefs } of Object.values(lhr.categories)) {
    const what = `${page}, Lighthouse: ${title}`.padEnd(58);
    console.log(`${what} ${String(Math.round(score * 100)).padStart(8)}       (should be 100)`);
    for (const { id, weight } of auditRefs) {
      const audit = lhr.audits[id];
      if (audit.scoreDisplayMode === 'error') console.log(`  ${id}: ${audit.errorMessage}`);
      else if (weight > 0 && audit.score !== null && audit.score < 1)
        console.log(`  ${id}: ${audit.displayValue ?? audit.title} (${Math.round(audit.score * 100)})`);
    }
    if (score < 1) process.exitCode = 1;
  }
}
