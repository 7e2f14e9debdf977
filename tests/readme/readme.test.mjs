// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsIn } from './commands.mjs';
import { readmeText, testReadme } from './run_readme.mjs';

testReadme('README.md');

test('the Chinese README has the same commands', () => {
  // What a person writes to the model, and what a comment says, is in the reader's language.
  const plain = (name) =>
    commandsIn(readmeText(name)).map((command) => command.replace(/"[^"]*"/, '"…"').replace(/ +#.*/, ''));
  assert.deepEqual(plain('README.zh-CN.md'), plain('README.md'));
});
