// SPDX-License-Identifier: MIT
// node bench/web/run.mjs [ROUNDS [firstLoad|coldStart|streaming|history|assets]]: the pages of a real opencat in Debian's
// Chromium: what the first load of the chat and the admin page weighs and how long a cold start takes on a slow phone
// and network; the CPU of an answer that streams in beside the same as plain text, and a long history; and the server's CPU for each file. Medians of the
// rounds are printed beside what is to be reached.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { startBrowser } from '../../tests/browser/browser.mjs';
import { ready, says } from '../../tests/browser/steps.mjs';
import { event, startUpstream } from '../../tests/fakes/upstream.mjs';
import { startServer } from '../../tests/support/server.mjs';
import { exported, longAnswer } from './answer.mjs';
import { assets } from './assets.mjs';
import { coldStart, firstLoad } from './loading.mjs';

const rounds = Number(process.argv[2] ?? 3);
const only = process.argv[3];
const repository = fileURLToPath(new URL('../..', import.meta.url));
process.env.OPENCAT ??= join(repository, 'build/release/opencat');

const answerLength = 40 * 1024;
const pieceLength = 4;
const piecesAtOnce = 8; // in each write to the client, one every 8 ms: about a thousand pieces a second
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const failures = [];
const thread = ({ pid, tid }) => `${pid}/${tid}`; // of a trace's event

function say(what, value, unit, limit) {
  const shown = Number.isInteger(value) ? value : value.toFixed(value < 10 ? 2 : 0);
  const verdict =
    limit === undefined ? '' : value <= limit ? `  (at most ${limit})` : `  TOO MUCH: at most ${limit}`;
  if (verdict.includes('TOO')) failures.push(what);
  console.log(`${what.padEnd(58)} ${String(shown).padStart(8)} ${unit.padEnd(4)}${verdict}`);
}

const upstream = await startUpstream({ handle: streamAnswer });
const server = await startServer({
  args: [
    '--upstream-url',
    upstream.url,
    '--upstream-model',
    'bench',
    '--rpm-limit',
    '100000',
    '--daily-limit',
    '100000',
  ],
});
const browser = await startBrowser();
try {
  for (const [name, part] of Object.entries({ firstLoad, coldStart, streaming, history, assets })) {
    if (!only || only === name) await part({ server, newPage, rounds, say, median });
  }
} finally {
  await browser.close();
  await server.stop();
  await upstream.stop();
}
if (failures.length > 0) {
  console.error(`bench: not reached: ${failures.join(', ')}`);
  process.exitCode = 1;
}

async function streamAnswer(exchange) {
  const text = longAnswer(answerLength);
  for (let at = 0; at < text.length;) {
    let write = '';
    for (let n = 0; n < piecesAtOnce && at < text.length; n += 1, at += pieceLength) {
      const delta = { content: text.slice(at, at + pieceLength) };
      write += event({
        id: 'x',
        object: 'chat.completion.chunk',
        model: 'bench',
        choices: [{ index: 0, delta }],
      });
    }
    await exchange.send(write);
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  exchange.done();
}

async function newPage() {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  return { context, page, devtools: await context.newCDPSession(page) };
}

/** On the page: whether the database has the texts of so many conversations for the search. */
async function textsAreTogether(conversations) {
  const result = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const [{ name }] = await indexedDB.databases();
  const db = await result(indexedDB.open(name));
  const count = await result(db.transaction('texts').objectStore('texts').count());
  db.close();
  return count === conversations;
}

/** Seconds of CPU that the page's main thread has had so far, whatever else the machine does. */
async function busy(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration').value;
}

/** Has the page ask and waits for the whole answer. */
async function ask(page) {
  await page.locator('#new').click();
  await page.locator('#input').fill('go');
  await page.locator('#input').press('Enter');
  await page.locator('#send.busy').waitFor();
  await page.locator('#send:not(.busy)').waitFor({ timeout: 120_000 });
  await says(page.locator('.answer').last(), 'Part 1');
}

/** The most CPU, in milliseconds, that the page's main thread has had in one go while `work` was done. */
async function longestTask(page, work) {
  await browser.startTracing(page, { categories: ['devtools.timeline', 'toplevel'] });
  await work();
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  const whole = traceEvents.filter(({ ph, tdur }) => ph === 'X' && tdur !== undefined);
  const calls = whole.filter(({ name }) => name === 'FunctionCall');
  const counts = new Map();
  for (const call of calls) counts.set(thread(call), (counts.get(thread(call)) ?? 0) + 1);
  const [[main]] = [...counts].sort(([, a], [, b]) => b - a);
  const tasks = whole.filter((each) => thread(each) === main && /RunTask$/.test(each.name));
  return Math.max(...tasks.map(({ tdur }) => tdur)) / 1000;
}

async function streaming() {
  const rich = [];
  const plain = [];
  let longest = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { context, page, devtools } = await newPage();
    const { chat_url, token } = await server.issue();
    await page.goto(chat_url);
    await ready(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await ask(page); // the libraries are there now: what is measured is the answer, not their arrival
    const before = await busy(devtools);
    await ask(page);
    rich.push((await busy(devtools)) - before);
    longest = Math.max(longest, await longestTask(page, () => ask(page)));

    await page.locator('#new').click();
    const between = await busy(devtools);
    await page.evaluate(appendAsPlainText, token);
    plain.push((await busy(devtools)) - between);
    await context.close();
  }
  say('40 KiB in 4-character pieces: CPU as plain text', median(plain), 's');
  say('40 KiB in 4-character pieces: CPU on the chat page', median(rich), 's');
  say('40 KiB in 4-character pieces: times plain text', median(rich) / median(plain), 'x', 5);
  say('40 KiB in 4-character pieces: longest task, CPU', longest, 'ms', 50);
}

/** The least a page can do: what has come is appended to one text once a frame, and the end is kept in view. */
async function appendAsPlainText(token) {
  const scroller = document.getElementById('scroller');
  const node = document.createElement('div');
  node.className = 'thread plain';
  const text = document.createTextNode('');
  node.append(text);
  scroller.append(node);
  let waiting = '';
  let frame = 0;
  const show = () => {
    frame = 0;
    text.appendData(waiting);
    waiting = '';
    scroller.scrollTop = scroller.scrollHeight;
  };
  const response = await fetch('v1/chat/completions', {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'go' }] }),
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const each of events) {
      if (!each.startsWith('data: {')) continue;
      waiting += JSON.parse(each.slice(6)).choices[0].delta.content ?? '';
      frame ||= requestAnimationFrame(show);
    }
  }
}

async function history() {
  const opened = [];
  const openedCpu = [];
  const first = [];
  const searched = [];
  for (let round = 0; round < rounds; round += 1) {
    const { context, page, devtools } = await newPage();
    await page.goto((await server.issue()).chat_url);
    await ready(page);
    const buffer = Buffer.from(exported(10, 1000));
    await page
      .locator('#import-chooser')
      .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer });
    await page.locator('#list li').nth(9).waitFor();
    await page.reload(); // nothing of it is in memory
    await ready(page);
    // As on every start but the first after an import: the texts were put together in an idle moment.
    await page.waitForFunction(textsAreTogether, 10);
    await page.reload();
    await ready(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const before = await busy(devtools);
    opened.push(
      await page.evaluate(async () => {
        const begin = performance.now();
        document.querySelector('#list li:nth-child(3) .open').click();
        const frame = () => new Promise(requestAnimationFrame);
        while (!document.querySelector('.thread > [data-id]:last-child .prose')) await frame();
        await frame();
        await frame();
        return performance.now() - begin;
      }),
    );
    openedCpu.push(((await busy(devtools)) - before) * 1000);
    const search = (words) =>
      page.evaluate(async (text) => {
        const field = document.getElementById('search');
        const found = document.getElementById('found');
        found.textContent = '';
        const begin = performance.now();
        field.value = text;
        field.dispatchEvent(new Event('input'));
        while (!found.textContent) await new Promise((resolve) => setTimeout(resolve));
        return performance.now() - begin;
      }, words);
    first.push(await search('quote that ends'));
    searched.push(await search('what about part 998'));
    await context.close();
  }
  say('opening 1,000 messages', median(opened), 'ms', 200);
  say('opening 1,000 messages: CPU of the page', median(openedCpu), 'ms');
  say('searching 10,000 messages, right after the start', median(first), 'ms', 100);
  say('searching 10,000 messages', median(searched), 'ms', 100);
}
