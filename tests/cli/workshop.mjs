// SPDX-License-Identifier: MIT
// What a test of `opencat bundle` works with: an npm registry with small runtimes, a token server, a folder.
import path from 'node:path';
import { run, sandbox } from './helpers.mjs';
import { NodeMirror } from '../fakes/node_mirror.mjs';
import { ADMIN_SECRET, FakeOpencat } from '../fakes/opencat_server.mjs';

/**
 * `platforms` are those that bundles are asked for; the registry has runtimes for them and for `others`. `server` is
 * what the token server is told. `bundle(more, env)` runs the command; `words` are its own, for who starts it himself.
 */
export async function workshop(t, options = {}) {
  const { platforms = ['linux-x64'], others = ['win-x64', 'darwin-arm64'], server: told } = options;
  const folder = sandbox(t);
  const registry = await NodeMirror.start();
  t.after(() => registry.stop());
  registry.addRuntimePackages('22.5.0', [...platforms, ...others]);
  const server = await FakeOpencat.start(told);
  t.after(() => server.stop());
  const env = { npm_config_registry: registry.url, OPENCAT_ADMIN_SECRET: ADMIN_SECRET };
  const words = ['bundle', '--json', '--platform', platforms.join(), '--source', 'npm'];
  words.push('--server-url', server.url);
  const bundle = (more = [], changed = {}) =>
    run(folder, [...words, ...more], { env: { ...env, ...changed } });
  return { folder, registry, server, env, words, bundle, dist: path.join(folder, 'dist') };
}
