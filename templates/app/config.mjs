// SPDX-License-Identifier: MIT
// What the installation wrote for this app: the server's address and the token.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.mjs';

// The launcher names the file; started by hand, the app stands in <home>/lib/app.
export function configPath(env) {
  return env.OPENCAT_CONFIG || fileURLToPath(new URL('../../data/config.json', import.meta.url));
}

/** Returns {token, proxy_base_url, chat_url, model, …}; throws a Failure that says what is missing. */
export function readConfig(env) {
  const path = configPath(env);
  let config;
  try {
    config = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') throw new Failure('noConfig', { path }, 5);
    throw new Failure('badConfig', { path, reason: error.code ?? 'JSON' }, 1);
  }
  if (!config?.token) throw new Failure('noToken', { path }, 5);
  if (!config.proxy_base_url) throw new Failure('badConfig', { path, reason: 'proxy_base_url' }, 1);
  return { model: 'auto', ...config };
}
