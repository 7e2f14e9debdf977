// SPDX-License-Identifier: MIT
// node bench/pc/install.mjs [ROUNDS]: `opencat install x.zip` beside what a user does by hand, `unzip` and then the same
// setup.mjs, on an offline bundle (dependencies bundled, token pre-allocated) with a real Node; and installing again,
// and an upgrade with the same Node. What is compared is run in turn; medians are set against each other. The one
// without setup.mjs shows what of it is opencat's own.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from '../../tests/support/server.mjs';

const rounds = Number(process.argv[2] ?? 5);
const repository = fileURLToPath(new URL('../..', import.meta.url));
const opencat = (process.env.OPENCAT ??= path.join(repository, 'build/release/opencat'));
const cache = path.join(repository, 'build/test-cache/bench');
const work = path.join(repository, 'build/bench-install');
const platform = `${process.platform}-${process.arch}`;
const setup_options = ['--no-browser', '--no-shortcut'];
fs.rmSync(work, { recursive: true, force: true });
fs.mkdirSync(work, { recursive: true });

const env = { ...process.env, HOME: work };
const run = (program, words, more = {}) =>
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'], ...more });
function timed(work_to_do) {
  const begin = process.hrtime.bigint();
  work_to_do();
  return Number(process.hrtime.bigint() - begin) / 1e9;
}
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** An offline bundle; with another label it is another version, with the same Node in it. */
function bundle(server, label) {
  const out = path.join(work, label);
  const words = ['bundle', '--quiet', '--platform', platform, '--server-url', server.url, '--out-dir', out];
  words.push('--pre-token', '--deps', 'bundled', '--label', label);
  words.push('--node-version', '22.23.2', '--source', 'npm', '--cache-dir', cache);
  // The developer's own npm configuration says where packages come from, so not with the HOME of the bench.
  run(opencat, words, { env: { ...process.env, OPENCAT_ADMIN_SECRET: server.secret } });
  return path.join(out, `opencat-portable-${platform}.zip`);
}

const server = await startServer();
const [first, second] = ['first', 'second'].map((label) => bundle(server, label));
await server.stop(); // offline from here on

const prefix = path.join(work, 'prefix');
const install = (zip) =>
  timed(() =>
    run(opencat, ['install', '--quiet', zip, '--prefix', prefix, ...setup_options], { env, cwd: work }),
  );
const by_hand = path.join(work, 'by-hand');
const portable = path.join(by_hand, 'opencat-portable');
const times = { unzip: [], setup: [], install: [], again: [], upgrade: [] };
for (let round = 0; round < rounds; ++round) {
  fs.rmSync(by_hand, { recursive: true, force: true });
  times.unzip.push(timed(() => run('unzip', ['-q', first, '-d', by_hand])));
  const node = path.join(portable, 'tools/node/bin/node');
  times.setup.push(
    timed(() =>
      run(node, [path.join(portable, 'setup.mjs'), ...setup_options, '--quiet'], { env, cwd: portable }),
    ),
  );
  fs.rmSync(prefix, { recursive: true, force: true });
  times.install.push(install(first));
  times.again.push(install(first));
  times.upgrade.push(install(second));
}
const seconds = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
const alone = seconds.unzip + seconds.setup;
const ratio = seconds.install / (1.3 * seconds.unzip + seconds.setup);
const rows = [
  ['unzip', seconds.unzip, ''],
  ['setup.mjs behind it', seconds.setup, ''],
  ['both: unpacked to ready', alone, 'under 3 s'],
  [
    'opencat install',
    seconds.install,
    `at most 1.3 × unzip, and setup.mjs: ${(1.3 * seconds.unzip + seconds.setup).toFixed(2)} s`,
  ],
  ['opencat install again', seconds.again, 'under 1 s'],
  ['opencat install, an upgrade with the same Node', seconds.upgrade, ''],
];
console.log(`zip: ${(fs.statSync(first).size / 1e6).toFixed(1)} MB; medians of ${rounds} rounds`);
for (const [what, time, must] of rows) console.log(`${what.padEnd(48)} ${time.toFixed(2)} s  ${must}`);
process.exitCode = ratio <= 1 && alone < 3 && seconds.again < 1 ? 0 : 1;
fs.rmSync(work, { recursive: true, force: true });
