// SPDX-License-Identifier: MIT
// What a README tells its reader to type.
import assert from 'node:assert/strict';

// All other blocks are for reading; one without a language, or a language not named here, could hide commands.
// (docs.test.mjs has the server read those of TOML.)
const FOR_READING = ['mermaid', 'nginx', 'toml', 'json', 'ini', 'text'];

/** The sections that "##" begins: {title, commands}. What stands before the first one is one of its own. */
export function sections(markdown) {
  const all = [{ title: 'before all sections', lines: [] }];
  let fence = null;
  for (const line of markdown.split('\n')) {
    const mark = /^ *```(.*)$/.exec(line);
    if (mark) {
      fence = fence === null ? mark[1].trim() : null;
      if (fence !== null && fence !== 'sh') assert.ok(FOR_READING.includes(fence), `a block of '${fence}'`);
    } else if (fence === null && line.startsWith('## ')) {
      all.push({ title: line.slice(3), lines: [] });
    } else if (fence === 'sh') {
      all.at(-1).lines.push(line);
    }
  }
  assert.equal(fence, null, 'a block has no end');
  return all.map(({ title, lines }) => ({ title, commands: joined(lines) }));
}

/** All commands of a README, found without regard to its sections. */
export function commandsIn(markdown) {
  const blocks = [...markdown.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)];
  return blocks.flatMap(([, block]) => joined(block.split('\n')));
}

/** Lines as commands: a line that ends in a backslash goes on in the next. */
function joined(lines) {
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Commands in the running text, `so`. */
export function inlineCommands(markdown) {
  const text = markdown.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...text.matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code)
    .filter((code) => /^(opencat|\.\/dev) \S/.test(code));
}

/** The words of a plain command, without a comment behind it. */
export const wordsOf = (command) => command.replace(/ +#.*/, '').split(/ +/);

/** Whether it keeps running: its section's later commands work against it. */
export const isServer = (command) =>
  /^([A-Z_]+=\S* )*opencat serve\b/.test(command) && !/--(help|show-config)\b/.test(command);
