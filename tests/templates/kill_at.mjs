// SPDX-License-Identifier: MIT
// Preloaded into Node (NODE_OPTIONS=--import=…): the program whose script is KILL_IN kills itself, as a power cut would,
// at its KILL_AT-th change of the file system. A write that is hit leaves half of its content.
// With KILL_PARENT the program that started it dies first.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

if (process.argv[1]?.endsWith(process.env.KILL_IN)) {
  let left = Number(process.env.KILL_AT);
  const die = () => {
    if (process.env.KILL_PARENT) process.kill(process.ppid, 'SIGKILL');
    process.kill(process.pid, 'SIGKILL');
  };
  const watch = (holder, name, half) => {
    const original = holder[name];
    holder[name] = function (...args) {
      left -= 1;
      if (left === 0) {
        half?.(...args);
        die();
      }
      return original.apply(this, args);
    };
  };
  const { writeFileSync } = fs;
  watch(fs, 'writeFileSync', (file, content) => writeFileSync(file, content.slice(0, content.length / 2)));
  for (const name of ['mkdirSync', 'renameSync', 'rmSync', 'chmodSync']) watch(fs, name);
  // npm's ways: these, and fs.open for each file it unpacks.
  for (const name of ['mkdir', 'rename', 'rm', 'writeFile']) watch(fs.promises, name);
  watch(fs, 'open');
  syncBuiltinESMExports();
}
