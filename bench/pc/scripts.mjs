// SPDX-License-Identifier: MIT
// node bench/pc/scripts.mjs [ROUNDS]: an offline bundle (dependencies bundled, token pre-allocated) of a real Node,
// unzipped, installed by its install.sh, and installed again with nothing to do; medians, and node's own start beside
// them. Times depend on the machine and its other work. OPENCAT names another binary than the release build's.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const rounds = Number(process.argv[2] ?? 7);
const version = '22.23.2';
const cache = path.resolve('build/test-cache/bench');
const work = path.resolve('build/bench-pc');
const opencat = path.resolve(process.env.OPENCAT ?? 'build/release/opencat');
const platform = `linux-${process.arch}`;
const zip = path.join(work, 'dist', `opencat-portable-${platform}.zip`);
const quiet = ['--no-browser', '--no-shortcut', '--quiet'];

/** A server that answers, of which the zip needs nothing but its token; `stop` ends it. */
async function serve() {
  const data = path.join(work, 'data');
  const words = ['serve', '--demo', '--port', '0', '--data-dir', data, '--json'];
  const server = spawn(opencat, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  for await (const piece of server.stdout.setEncoding('utf8')) if ((said += piece).includes('\n')) break;
  const secret = fs.readFileSync(path.join(data, 'admin-secret'), 'utf8').trim();
  return { url: JSON.parse(said).url, secret, stop: () => server.kill() };
}

/** Milliseconds that a program takes. */
function timed(program, words) {
  const env = { ...process.env, HOME: path.join(work, 'home') };
  const begun = process.hrtime.bigint();
  execFileSync(program, words, { env, cwd: work, stdio: ['ignore', 'ignore', 'inherit'] });
  return Number(process.hrtime.bigint() - begun) / 1e6;
}

const fetched = ['--node-version', version, '--source', 'npm', '--cache-dir', cache];

async function makeZip() {
  const server = await serve();
  try {
    const words = ['--platform', platform, '--pre-token', '--deps', 'bundled', '--server-url', server.url];
    execFileSync(opencat, ['bundle', ...words, '--out-dir', path.dirname(zip), ...fetched], {
      env: { ...process.env, OPENCAT_ADMIN_SECRET: server.secret },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    server.stop(); // installing needs no network
  }
}

fs.rmSync(work, { recursive: true, force: true });
fs.mkdirSync(path.join(work, 'home'), { recursive: true });
await makeZip();

const times = { unzip: [], install: [], again: [], node: [] };
for (let round = 0; round < rounds; ++round) {
  // Folders are kept to the end: a file system passes over inodes that were just deleted, which would be measured, too.
  const pc = path.join(work, `pc-${round}`);
  const script = path.join(pc, 'opencat-portable', 'install.sh');
  times.unzip.push(timed('unzip', ['-q', zip, '-d', pc]));
  times.install.push(timed('sh', [script, ...quiet]));
  times.again.push(timed('sh', [script, ...quiet]));
  times.node.push(timed(path.join(pc, 'opencat-portable/tools/node/bin/node'), ['-e', '0']));
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const ms = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
const seconds = (value) => `${(value / 1000).toFixed(2)} s`;
const rows = [
  ['', 'measured', 'must reach', 'ok'],
  ['offline bundle, unpacked to ready', seconds(ms.install), 'under 3 s', ms.install < 3000],
  ['its install.sh again, nothing to do', seconds(ms.again), 'under 1 s', ms.again < 1000],
  ['for comparison: unzip', seconds(ms.unzip), '', true],
  ['for comparison: node -e 0', seconds(ms.node), '', true],
].map((cells) => cells.map((cell) => (cell === true ? 'yes' : cell === false ? 'NO' : cell)));
const widths = rows[0].map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
for (const cells of rows)
  console.log(
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
fs.rmSync(work, { recursive: true, force: true });
process.exitCode = rows.some((cells) => cells[3] === 'NO') ? 1 : 0;
