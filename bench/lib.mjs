// SPDX-License-Identifier: MIT
// What the benchmarks share: the programs they run, and what they make of many runs' figures.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** All that start() started, in its order: whoever calls it ends them. */
export const children = [];

export function start(program, args, env = {}) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

/** What it says first; throws when it ends without a word. */
export async function firstLine(child) {
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(lines, 'close').then(() => {
      throw new Error(`${child.spawnfile} ended without a word`);
    }),
  ]);
  return line;
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
