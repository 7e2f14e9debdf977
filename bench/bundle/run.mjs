// SPDX-License-Identifier: MIT
// Bundles of a real Node beside what people use: `zip -qr -6` on the same tree, and copying a finished zip. What is
// compared is run in turn, several rounds, and the medians are set against each other; times alone depend on the
// machine and its other work.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const quick = process.argv.includes('--quick');
const rounds = quick ? 1 : 5;
const version = '22.23.2';
const platforms = ['win-x64', 'darwin-arm64', 'darwin-x64', 'linux-x64', 'linux-arm64'];
const cache = path.resolve('build/test-cache/bench');
const work = path.resolve('build/bench-bundle');
const opencat = path.resolve('build/release/opencat');
const bench = path.resolve('build/release/bench/bench_bundle');
fs.rmSync(work, { recursive: true, force: true });
fs.mkdirSync(work, { recursive: true });

/** Runs a program: { ms, peak_kib }. Nothing of it may reach a registry or server where `offline`. */
function run(words, { cwd = work, offline = true } = {}) {
  const dead = 'http://127.0.0.1:9';
  const env = { ...process.env, ...(offline && { npm_config_registry: dead, OPENCAT_NODE_MIRROR: dead }) };
  const stdio = ['ignore', 'pipe', 'inherit'];
  const text = execFileSync(bench, ['run', ...words], { cwd, env, stdio, encoding: 'utf8' });
  const result = JSON.parse(text.trim().split('\n').at(-1));
  if (result.code !== 0) throw new Error(`${words.slice(0, 3).join(' ')} ended with ${result.code}`);
  return result;
}

const version_words = ['--node-version', version, '--source', 'npm', '--cache-dir', cache];
const fetched = (platform) => [opencat, 'fetch', '--quiet', '--platform', platform, ...version_words];
const bundled = (platform, out, more = []) => [
  ...[opencat, 'bundle', '--quiet', '--platform', platform, '--server-url', 'http://127.0.0.1:9'],
  ...['--out-dir', out, ...version_words, ...more],
];

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const times = (results) => median(results.map(({ ms }) => ms));
const largest = (results) => Math.max(...results.map(({ peak_kib }) => peak_kib));
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const mib = (kib) => `${(kib / 1024).toFixed(0)} MiB`;

const rows = [];
function row(what, measured, must, ok) {
  rows.push([what, measured, must, ok ? 'yes' : 'NO']);
}

function forgetPacked(platform) {
  const folder = path.join(cache, 'node', version, platform);
  for (const name of fs.readdirSync(folder))
    if (name.startsWith('packed-')) fs.rmSync(path.join(folder, name));
}

/** The tree of a bundle, as it is before it becomes a zip. */
function unzip(platform) {
  const tree = path.join(work, 'trees', platform);
  fs.mkdirSync(tree, { recursive: true });
  const zip = path.join(work, 'all', `opencat-portable-${platform}.zip`);
  execFileSync('unzip', ['-q', zip, '-d', tree]);
  return tree;
}

function zipTree(tree) {
  const file = path.join(work, 'by-zip.zip');
  fs.rmSync(file, { force: true });
  const result = run(['zip', '-qr', '-6', file, '.'], { cwd: tree });
  return { ...result, bytes: fs.statSync(file).size };
}

/** An app of one's own, another one each time. */
function changedApp(round) {
  const app = path.join(work, 'app');
  fs.rmSync(app, { recursive: true, force: true });
  fs.cpSync('templates/app', app, {
    recursive: true,
    filter: (source) => path.basename(source) !== 'node_modules',
  });
  fs.writeFileSync(path.join(app, 'changed.mjs'), `// ${round} ${process.hrtime.bigint()}\n`);
  return app;
}

run(fetched('all'), { offline: false });
run(bundled('all', 'all'));
const trees = platforms.map(unzip);

{
  const ours = [];
  const theirs = [];
  const linux = trees[platforms.indexOf('linux-x64')];
  for (let i = 0; i < rounds; ++i) {
    forgetPacked('linux-x64');
    ours.push(run(bundled('linux-x64', 'first')));
    theirs.push(zipTree(linux));
  }
  const bytes = fs.statSync(path.join(work, 'first/opencat-portable-linux-x64.zip')).size;
  const ratio = times(ours) / times(theirs);
  row(
    'first bundle of a runtime, of zip -qr -6',
    `${ratio.toFixed(2)} (${seconds(times(ours))} of ${seconds(times(theirs))})`,
    'at most 0.45',
    ratio <= 0.45,
  );
  const smaller = bytes / theirs[0].bytes;
  row('its size, of that zip', smaller.toFixed(3), 'at most 1', smaller <= 1);
  row('its peak memory', mib(largest(ours)), 'under 320 MiB', largest(ours) < 320 * 1024);
}

{
  const ours = [];
  const theirs = [];
  for (let i = 0; i < rounds; ++i) {
    ours.push(run(bundled('all', 'changed', ['--app', changedApp(i)])));
    theirs.push({ ms: trees.map(zipTree).reduce((sum, { ms }) => sum + ms, 0) });
  }
  const ratio = times(ours) / times(theirs);
  row(
    'five platforms, app changed, of five zip -qr -6',
    `${ratio.toFixed(3)} (${seconds(times(ours))} of ${seconds(times(theirs))})`,
    'at most 0.08, under 1.5 s',
    ratio <= 0.08 && times(ours) < 1500,
  );
  row('their peak memory', mib(largest(ours)), 'under 100 MiB', largest(ours) < 100 * 1024);
}

{
  const words = ['personal', cache, version, path.join(work, 'personal'), quick ? '5' : '20', '100'];
  const measured = JSON.parse(execFileSync(bench, words, { encoding: 'utf8' }));
  const [zip, copy] = [median(measured.zips), median(measured.copies)];
  row(
    'one more personalised zip, of copying the file',
    `${(zip / copy).toFixed(2)} (${zip.toFixed(0)} ms of ${copy.toFixed(0)} ms)`,
    'at most 1.5',
    zip / copy <= 1.5,
  );
  const [many, copies] = [median(measured.many_zips), median(measured.many_copies)];
  row('100 of them', `${seconds(many)} (copies: ${seconds(copies)})`, 'under 5 s', many < 5000);
  row('their peak memory', mib(measured.peak_kib), 'under 100 MiB', measured.peak_kib < 100 * 1024);
}

{
  const runs = Array.from({ length: quick ? 5 : 21 }, () => run(fetched('linux-x64')));
  row(
    'fetch of an exact version that is cached',
    `${times(runs).toFixed(0)} ms`,
    'no network, under 30 ms',
    times(runs) < 30,
  );
}

fs.rmSync(work, { recursive: true, force: true });
const heads = ['', 'measured', 'must reach', 'ok'];
const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((cells) => cells[i].length)));
for (const cells of [heads, ...rows])
  console.log(
    cells
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
process.exitCode = rows.every(([, , , ok]) => ok === 'yes') ? 0 : 1;
