// SPDX-License-Identifier: MIT
// The examples of packaging/proxies, for tests that run them with what must be different here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

export const example = (name) =>
  readFileSync(new URL(`../../packaging/proxies/${name}`, import.meta.url), 'utf8');

/** The text with each of `changes` made, all of which must be there to be made. */
export function changed(text, changes) {
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `the example has no '${from}'`);
    text = text.replaceAll(from, to);
  }
  return text;
}
