// SPDX-License-Identifier: MIT
// Payloads stream through a fake model, cut at random bytes, into everything the chat page shows of others: both
// roles, titles, code's labels, links, images, formulas, tables, model names, file names. Nothing may run, and
// nothing may be fetched from elsewhere. OPENCAT_TEST_SEED repeats a run.
// Run: OPENCAT=…/opencat node --test xss.test.mjs
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { event } from '../fakes/upstream.mjs';
import { newChat, openList, says, send, settled } from './steps.mjs';
import { startTalk } from './talk.mjs';
import { payloads } from './xss_payloads.mjs';

const seed = Number(process.env.OPENCAT_TEST_SEED ?? 20261127);
let talk;
before(async () => {
  talk = await startTalk();
});
after(() => talk?.stop());

/** mulberry32: small, and the same everywhere. */
function randomFrom(start) {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** `whole`, a Buffer or a list, in pieces of 1 to `longest`. */
function cut(whole, longest, random) {
  const pieces = [];
  for (let at = 0; at < whole.length;) {
    const end = at + 1 + random(longest);
    pieces.push(whole.slice(at, end));
    at = end;
  }
  return pieces;
}

/** The payload in every place that Markdown has for a text of others. */
const dressed = (payload) =>
  [
    `[link](${payload})`,
    `![image](${payload})`,
    `\`\`\`${payload}\ncode\n\`\`\``,
    `$${payload}$`,
    `| ${payload} | b |\n|---|---|\n| ${payload} | c |`,
    payload,
  ].join('\n\n');

/** A page that notes what must not happen: `page.ran` and `page.fetched` stay empty. */
async function openWatched(t) {
  const page = await talk.open(t);
  page.ran = [];
  page.fetched = [];
  await page.exposeFunction('reportRun', (what) => page.ran.push(what));
  await page.evaluate(() => {
    for (const name of ['alert', 'confirm', 'prompt', 'print']) {
      window[name] = (...values) => void window.reportRun(`${name}(${values})`);
    }
  });
  page.on('dialog', (dialog) => {
    page.ran.push(`dialog ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('popup', (popup) => page.ran.push(`popup ${popup.url()}`));
  page.on('framenavigated', (frame) => {
    const own = frame === page.mainFrame() && frame.url().startsWith(`${talk.server.url}/chat`);
    if (!own) page.ran.push(`navigated to ${frame.url()}`);
  });
  page.on('request', (request) => {
    const own = request.url().startsWith(`${talk.server.url}/`) || request.url().startsWith('data:image/');
    if (!own) page.fetched.push(request.url());
  });
  return page;
}

/** What stands on the page that must not: empty when it is clean. */
function foreign(page) {
  return page.evaluate(() => {
    const places = '#thread, #list, #title, #model, #tray, #notice';
    const nodes = [...document.querySelectorAll(places)].flatMap((place) => [...place.querySelectorAll('*')]);
    const bad = [];
    const allowed =
      'article h2 p div span footer button svg path details summary h3 h4 ul ol li em strong del code pre figure figcaption a img br hr blockquote table thead tbody tr th td i option mark select textarea';
    const isMath = (node) => node.namespaceURI === 'http://www.w3.org/1998/Math/MathML';
    for (const node of nodes) {
      const name = node.localName;
      const drawing = node.closest('svg') && !node.closest('button, .file, .pinned');
      if (!allowed.split(' ').includes(name) && !isMath(node)) bad.push(`element ${name}`);
      if (drawing) bad.push(`drawing ${node.outerHTML}`);
      for (const { name: attribute, value } of node.attributes) {
        if (
          /^on|^formaction$|^srcdoc$|^ping$|href$/i.test(attribute) &&
          !(name === 'a' && attribute === 'href')
        )
          bad.push(`${name} ${attribute}`);
        if (attribute === 'style' && /url|expression|import/i.test(value)) bad.push(`style ${value}`);
      }
      if (name === 'a' && !/^(https?|mailto):$/.test(node.protocol)) bad.push(`link ${node.href}`);
      if (name === 'a' && !/noopener/.test(node.rel)) bad.push(`rel ${node.rel}`);
      if (
        name === 'img' &&
        !node.src.startsWith(`${location.origin}/`) &&
        !/^(data:image\/|blob:)/.test(node.src)
      )
        bad.push(`image ${node.src}`);
    }
    return bad;
  });
}

async function assertClean(page, what) {
  assert.deepEqual(await foreign(page), [], what);
  assert.deepEqual(page.ran, [], what);
  assert.deepEqual(page.fetched, [], what);
}

test(`${payloads.length} payloads in questions, answers, titles and model names do nothing (seed ${seed})`, async (t) => {
  assert.ok(payloads.length >= 150 && new Set(payloads).size === payloads.length);
  const random = randomFrom(seed);
  const page = await openWatched(t);
  for (const payload of payloads) {
    const answer = dressed(payload);
    await newChat(page);
    await send(page, payload);
    const model = await talk.upstream.next();
    let stream = event({ choices: [{ index: 0, delta: { reasoning_content: payload } }] });
    for (const letters of cut([...answer], 12, random)) {
      stream += event({ model: payload, choices: [{ index: 0, delta: { content: letters.join('') } }] });
    }
    for (const bytes of cut(Buffer.from(stream), 400, random)) await model.send(bytes);
    model.done();
    await settled(page);
    await assertClean(page, payload);
  }
  // The searched words are shown beside what was found.
  await openList(page);
  await page.locator('#search').fill('alert(1)');
  await page.locator('.snippet').first().waitFor();
  await assertClean(page, 'search');
  const errors = page.trouble.filter((line) => !/^Failed to load resource/.test(line));
  assert.deepEqual(errors, [], 'not even the policy had to step in');
});

test('payloads as names of models, files and conversations do nothing', async (t) => {
  const page = await openWatched(t);
  const data = payloads.map((id) => ({ id, object: 'model' }));
  await page.route('**/v1/models', (route) => route.fulfill({ json: { object: 'list', data } }));
  const { token } = await talk.server.issue();
  await page.evaluate((hash) => (location.hash = hash), `token=${token}`);
  await page.waitForFunction(
    (count) => document.querySelectorAll('#model option').length >= count,
    payloads.length,
  );
  await assertClean(page, 'models');

  await page
    .locator('#chooser')
    .setInputFiles(
      payloads
        .slice(0, 8)
        .map((name) => ({ name: name.replaceAll('/', '∕'), mimeType: '', buffer: Buffer.from(name) })),
    );
  await page.locator('#tray li').nth(7).waitFor();
  await talk.exchange(page, 'files', 'seen');
  await assertClean(page, 'files');

  const conversations = payloads.map((payload, at) => ({
    conversation: { title: payload, head: `b${at}`, model: payload, system: payload },
    messages: [
      { id: `a${at}`, parent: null, role: 'user', content: payload },
      {
        id: `b${at}`,
        parent: `a${at}`,
        role: 'assistant',
        content: payload,
        reasoning: payload,
        model: payload,
        state: payload,
      },
    ],
    files: [],
  }));
  const text = JSON.stringify({ format: 'opencat-chat', version: 1, conversations });
  await page
    .locator('#import-chooser')
    .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  await says(page.locator('#notice'), `${payloads.length} conversations were imported`);
  await openList(page);
  await page.locator('#list li').nth(50).waitFor();
  await assertClean(page, 'list');
  for (const at of [0, 40, 90]) {
    await openList(page);
    await page.locator('#list .open').nth(at).click();
    await page.locator('.answer').waitFor();
    await assertClean(page, `imported ${at}`);
  }
});
