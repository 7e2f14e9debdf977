// SPDX-License-Identifier: MIT
// What the first load of each page weighs, and how long it takes on a slow phone and network.
import { brotliCompressSync } from 'node:zlib';

const fast3g = { offline: false, latency: 562.5, downloadThroughput: 188_743, uploadThroughput: 86_400 }; // as DevTools has it
const slowdown = 4;

/** The pages: where each is, the field that is typed in first, and what its first load may weigh in KiB. */
const pages = [
  { name: 'chat', url: async (server) => (await server.issue()).chat_url, field: 'input', most: 80 },
  { name: 'admin', url: async (server) => `${server.url}/admin`, field: 'secret', most: 90 },
];

export async function firstLoad({ server, newPage, say }) {
  for (const { name, url, field, most } of pages) {
    const { context, page } = await newPage();
    const loaded = [];
    page.on('requestfinished', (request) => loaded.push(request));
    await page.goto(await url(server), { waitUntil: 'networkidle' });
    await page.locator(`#${field}:focus`).waitFor();
    const own = loaded.filter((request) => request.url().startsWith(`${server.url}/`));
    const files = own.filter((request) =>
      ['document', 'script', 'stylesheet', 'font', 'image'].includes(request.resourceType()),
    );
    let squeezed = 0;
    let sent = 0;
    for (const request of files) {
      squeezed += brotliCompressSync(await (await request.response()).body()).length;
      sent += (await request.sizes()).responseBodySize;
    }
    const data = loaded.filter((request) => request.url().startsWith('data:'));
    say(`${name}, first load: files`, files.length, '', 3);
    say(`${name}, first load: from elsewhere`, loaded.length - own.length - data.length, '', 0);
    say(`${name}, first load: brotli`, squeezed / 1024, 'KiB', most);
    say(`${name}, first load: as this server sent it`, sent / 1024, 'KiB');
    await context.close();
  }
}

export async function coldStart({ server, newPage, rounds, say, median }) {
  for (const { name, url, field } of pages) {
    const painted = [];
    const typed = [];
    for (let round = 0; round < rounds; round += 1) {
      const { context, page, devtools } = await newPage();
      await devtools.send('Network.enable');
      await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
      await devtools.send('Network.emulateNetworkConditions', fast3g);
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
      await page.addInitScript((id) => {
        document.addEventListener('focusin', ({ target }) => {
          if (target.id === id) window.readyToType ??= performance.now();
        });
      }, field);
      await page.goto(await url(server));
      await page.waitForFunction(() => window.readyToType);
      const times = await page.evaluate(() => ({
        paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        type: window.readyToType,
      }));
      painted.push(times.paint / 1000);
      typed.push(times.type / 1000);
      await context.close();
    }
    const slow = `${slowdown}x slower CPU, Fast 3G`;
    say(`${name}, cold, ${slow}: first contentful paint`, median(painted), 's', 1.5);
    say(`${name}, cold, ${slow}: ready to type`, median(typed), 's', 2);
  }
}
