// SPDX-License-Identifier: MIT
// What a person does and sees on the chat page, in the page's own terms.
import assert from 'node:assert/strict';

export const input = (page) => page.locator('#input');
export const notice = (page) => page.locator('#notice');
export const lastAnswer = (page) => page.locator('.answer').last();
export const question = (page) => page.locator('.question');

/** Signed in: the chat is open and the quota is known. */
export const ready = (page) => page.locator('#quota').waitFor();

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
  return page.evaluate(() => {
    const scrolls = (node) => node.closest('pre, .table') && !node.matches('pre, .table');
    return [...document.querySelectorAll('body *')]
      .filter((node) => node.checkVisibility() && !scrolls(node) && !node.closest('.unseen'))
      .filter((node) => {
        const { left, right, width } = node.getBoundingClientRect();
        return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
      })
      .map((node) => node.outerHTML.slice(0, 80));
  });
}
