// SPDX-License-Identifier: MIT
// What a person does and sees on the chat page, in the page's own terms.
import assert from 'node:assert/strict';

export const input = (page) => page.locator('#input');
export const notice = (page) => page.locator('#notice');
export const lastAnswer = (page) => page.locator('.answer').last();
export const question = (page) => page.locator('.question');

/** Signed in: the chat is open, the quota is known and the history is read. */
export async function ready(page) {
  await page.locator('#quota').waitFor();
  await page.locator('html[data-ready]').waitFor();
}

/** Has the list of conversations in view: on a phone it is a drawer. */
export async function openList(page) {
  if ((await page.locator('#side.open').count()) > 0 || !(await page.locator('#menu').isVisible())) return;
  await page.locator('#menu').click();
  await page.locator('#side.open').waitFor();
}

/** Begins another conversation by the button that is in view. */
export async function newChat(page) {
  const inDrawer = (await page.locator('#side.open').count()) > 0;
  const small = !inDrawer && (await page.locator('#new-small').isVisible());
  await page.locator(small ? '#new-small' : '#new').click();
}

/** The conversation of this title in the list. */
export const talkRow = (page, title) => page.locator('#list li', { hasText: title });

/** Opens the conversation of this title. */
export async function openTalk(page, title) {
  await openList(page);
  await talkRow(page, title).locator('.open').first().click();
}

/** Opens the page's settings. */
export async function openSettings(page) {
  await openList(page);
  await page.locator('#settings-open').click();
}

export async function send(page, text) {
  await input(page).fill(text);
  await input(page).press('Enter');
}

/** The answer has ended, one way or another. */
export const settled = (page) => page.locator('#send:not(.busy)').waitFor();

/** Resolves when `locator`'s text contains `text`; fails with what it says instead. */
export async function says(locator, text) {
  try {
    await locator.filter({ hasText: text }).first().waitFor();
  } catch {
    const seen = await locator.allTextContents();
    assert.fail(`expected ${JSON.stringify(text)}, found ${JSON.stringify(seen)}`);
  }
}

/** The elements that stick out of the window sideways, but for those inside something that scrolls. */
export function stickingOut(page) {
  return page.evaluate(async () => {
    const moving = document
      .getAnimations()
      .filter(({ effect }) => effect.getComputedTiming().iterations === 1);
    await Promise.all(moving.map(({ finished }) => finished));
    const scrolls = (node) =>
      node.closest('pre, .table, .math.display, .side:not(.open)') && !node.matches('pre, .table');
    return [...document.querySelectorAll('body *')]
      .filter((node) => node.checkVisibility() && !scrolls(node) && !node.closest('.unseen'))
      .filter((node) => {
        const { left, right, width } = node.getBoundingClientRect();
        return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
      })
      .map((node) => node.outerHTML.slice(0, 80));
  });
}

/** The colour that a browser's own bars take from the page: the first <meta> whose condition holds. */
export function barColor(page) {
  return page.evaluate(() => {
    const metas = [...document.querySelectorAll('meta[name=theme-color]')];
    const { content } = metas.find(({ media }) => matchMedia(media).matches);
    return `rgb(${[1, 3, 5].map((at) => parseInt(content.slice(at, at + 2), 16)).join(', ')})`;
  });
}

/** How much the page keeps in its database: {conversations, messages, files}. */
export function stored(page) {
  return page.evaluate(async () => {
    const promise = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const [{ name }] = await indexedDB.databases();
    const db = await promise(indexedDB.open(name));
    const stores = ['conversations', 'messages', 'files'];
    const work = db.transaction(stores);
    const counts = await Promise.all(stores.map((store) => promise(work.objectStore(store).count())));
    db.close();
    return Object.fromEntries(stores.map((store, at) => [store, counts[at]]));
  });
}
