// SPDX-License-Identifier: MIT
// A real Prometheus with packaging/prometheus' own files, which scrapes the servers that a test names.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, eventually } from './http.mjs';
import { freePort, newFolder } from './server.mjs';

export const packaged = (name) => fileURLToPath(new URL(`../../packaging/${name}`, import.meta.url));

/**
 * {query(expression), alerts()}: query resolves to the samples, [{metric, value}], of what holds now. It scrapes
 * `target` ("host:port") every second.
 */
export async function startPrometheus(t, target) {
  const folder = await newFolder();
  const port = await freePort();
  const example = await readFile(packaged('prometheus/prometheus.yml'), 'utf8');
  const config = example
    .replace("'127.0.0.1:3001'", `'${target}'`)
    .replaceAll('_interval: 15s', '_interval: 1s');
  if (!config.includes(target) || config.includes('15s')) throw new Error('the example is not what it was');
  await writeFile(join(folder, 'prometheus.yml'), config);
  await copyFile(packaged('prometheus/opencat.rules.yml'), join(folder, 'opencat.rules.yml'));
  const words = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const child = spawn('prometheus', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const origin = `http://127.0.0.1:${port}`;
  const get = async (path) => {
    const { data, error, status } = (await ask(`${origin}/api/v1/${path}`)).json();
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  };
  const ready = () =>
    ask(`${origin}/-/ready`).then(
      (answer) => answer.status === 200,
      () => false,
    );
  await eventually(ready, 'a Prometheus that is ready', 20_000).catch((error) => {
    error.message += `\n${said}`;
    throw error;
  });
  return {
    query: async (expression) => {
      const { result } = await get(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    rules: async () => (await get('rules')).groups.flatMap(({ rules }) => rules),
  };
}
