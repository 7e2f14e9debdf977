// SPDX-License-Identifier: MIT
// clang-tidy over all sources of a configured build folder: node scripts/tidy.mjs build/dev
// One per processor. A source that passed is not checked again until it, a header that it includes, or the checks
// change: the whole tree takes minutes.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const folder = process.argv[2];
if (!folder || !existsSync(join(folder, 'compile_commands.json'))) {
  console.error('usage: node scripts/tidy.mjs BUILD, a folder that cmake has configured');
  process.exit(2);
}

const files = (...patterns) =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate', ...patterns], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file && existsSync(file));

const texts = new Map();
function text(file) {
  if (!texts.has(file)) texts.set(file, readFileSync(file, 'utf8'));
  return texts.get(file);
}

/** Adds `file` and what it includes of the project's own, whose paths begin at its root. */
function collect(file, into) {
  if (into.has(file) || !existsSync(file)) return into;
  into.add(file);
  for (const [, name] of text(file).matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) collect(name, into);
  return into;
}

const version = execFileSync('clang-tidy', ['--version'], { encoding: 'utf8' });
const checks = files('*.clang-tidy').map(text).join('');

function digest(source) {
  const hash = createHash('sha256').update(version).update(checks);
  for (const file of [...collect(source, new Set())].sort()) hash.update(`\0${file}\0`).update(text(file));
  return hash.digest('hex');
}

/** Resolves to whether the source passed; what clang-tidy said of one that did not is printed. */
function check(source) {
  return new Promise((resolve, reject) => {
    const child = spawn('clang-tidy', ['--quiet', '-p', folder, source], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // How many warnings it suppressed in other people's headers is all that it says of a clean source.
      said = said.replace(/^\d+ warnings? generated\.\n/gm, '');
      if (code !== 0) process.stderr.write(said || `clang-tidy ended with ${code ?? signal} on ${source}\n`);
      resolve(code === 0);
    });
  });
}

const waiting = [];
// Those of Windows want its headers, which this build does not have.
for (const source of files('*.cpp', ':!:*/windows/*')) {
  const stamp = join(folder, 'tidy', source);
  const wanted = digest(source);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) waiting.push({ source, stamp, wanted });
}

let failures = 0;
async function work() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    rmSync(next.stamp, { force: true });
    if (await check(next.source)) {
      mkdirSync(dirname(next.stamp), { recursive: true });
      writeFileSync(next.stamp, next.wanted);
    } else {
      ++failures;
    }
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work));
if (failures > 0) {
  console.error(`clang-tidy: ${failures} source(s) to mend`);
  process.exit(1);
}
