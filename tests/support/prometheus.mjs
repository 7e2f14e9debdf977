// SPDX-License-Identifier: MIT
// A real Prometheus with packaging/prometheus' own files, which scrapes the servers that a test names.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDaemon } from './daemon.mjs';
import { ask } from './http.mjs';
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
  const origin = `http://127.0.0.1:${port}`;
  await startDaemon(t, 'prometheus', words, { folder, url: `${origin}/-/ready`, patience: 20_000 });
  const get = async (path) => {
    const { data, error, status } = (await ask(`${origin}/api/v1/${path}`)).json();
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  };
  return {
    query: async (expression) => {
      const { result } = await get(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    rules: async () => (await get('rules')).groups.flatMap(({ rules }) => rules),
  };
}
