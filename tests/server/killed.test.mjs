// SPDX-License-Identifier: MIT
// kill -9 at any moment under load: whatever the upstream heard of is counted on the disk, a hundred times over.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Agent } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { allUsage } from '../support/checks.mjs';
import { chat, chatStream, eventually } from '../support/http.mjs';
import { newFolder, startServer } from '../support/server.mjs';

const rounds = 100;
const at_once = 16;

/** Requests one after the other until the server is gone. */
async function load(server, token, agent, stream) {
  for (;;) {
    try {
      if (stream) await (await chatStream(server, token, undefined, { agent })).rest();
      else await chat(server, token, undefined, { agent });
    } catch {
      return;
    }
  }
}

test(`kill -9 under load, ${rounds} times, loses no count of what the upstream heard`, async (t) => {
  const upstream = await startUpstream({
    handle: async (model) => {
      if (!model.body.stream) return model.answer();
      await model.say('hello');
      model.done();
    },
  });
  t.after(() => upstream.stop());
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true, force: true }));
  const unlimited = [
    '--rpm-limit',
    '100000000',
    '--daily-limit',
    '100000000',
    '--monthly-limit',
    '100000000',
  ];
  const args = ['--upstream-url', upstream.url, '--upstream-model', 'm', ...unlimited];
  const file = join(dir, 'opencat.db');
  const counted = () =>
    Number(execFileSync('sqlite3', [file, `SELECT coalesce(sum(request_count), 0) FROM ${allUsage}`]));
  let token;
  let slowest = 0;
  const gaps = [];
  for (let round = 0; round < rounds; ++round) {
    const began = performance.now();
    const server = await startServer({ args, dir });
    const took = performance.now() - began;
    if (round > 0) slowest = Math.max(slowest, took);
    token ??= (await server.issue()).token;
    const agent = new Agent({ keepAlive: true });
    const before = upstream.requests.length;
    const workers = Array.from({ length: at_once }, (_, i) => load(server, token, agent, i % 2 === 0));
    // A random moment, but not before anything was heard; spread over many commits.
    const moment = before + 1 + Math.floor(Math.random() * 120);
    await eventually(() => upstream.requests.length >= moment, 'requests at the upstream');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    await server.stop('SIGKILL');
    await Promise.all(workers);
    agent.destroy();
    const heard = upstream.requests.length;
    const count = counted();
    gaps.push(count - heard);
    assert.ok(count >= heard, `round ${round}: ${count} counted, ${heard} heard`);
    // Each kill may leave as many counted and not forwarded as were under way.
    assert.ok(count - heard <= (round + 1) * at_once, `round ${round}: ${count} counted, ${heard} heard`);
  }
  t.diagnostic(
    `${upstream.requests.length} heard, ${gaps.at(-1)} more counted; slowest start ${slowest.toFixed()} ms`,
  );
});
