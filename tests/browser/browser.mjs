// SPDX-License-Identifier: MIT
// Debian's Chromium, and a page in it that reports what a safe page must never do.
import { chromium } from 'playwright-core';

export const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Whether the tests are run as on a phone: OPENCAT_TEST_SIZE=phone. */
export const onPhone = process.env.OPENCAT_TEST_SIZE === 'phone';

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
}

/**
 * A page in a browser profile of its own, whose files a service worker keeps unless `worker` is false. `page.trouble` collects script errors and breaches of the
 * content security policy; a test that expects none asserts that it is empty.
 */
export async function openPage(
  browser,
  url,
  { locale = 'en-US', phone = onPhone, dark = false, worker = true } = {},
) {
  const context = await browser.newContext({
    locale,
    serviceWorkers: worker ? 'allow' : 'block',
    colorScheme: dark ? 'dark' : 'light',
    viewport: phone ? { width: 360, height: 740 } : { width: 1280, height: 800 },
    deviceScaleFactor: phone ? 2 : 1,
    hasTouch: phone,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.trouble = [];
  page.on('pageerror', (error) => page.trouble.push(String(error)));
  page.on('console', (message) => {
    // A failed request is logged as an error too; those are the business of each test.
    const failedRequest = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !failedRequest) page.trouble.push(message.text());
  });
  await page.goto(url);
  return page;
}
