// SPDX-License-Identifier: MIT
// The connection to PostgreSQL breaks in the very moment of a commit: nobody can know then whether it was kept, and
// still each request is counted and settled once, and what was told to be none is none.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused } from '../support/checks.mjs';
import { chat, eventually } from '../support/http.mjs';
import { noPostgres as skip, startPostgres } from '../support/postgres.mjs';
import { newFolder, startServer } from '../support/server.mjs';

/**
 * Stands before PostgreSQL's socket. After cut(text, when) the first message with that text ends its connection: 'before'
 * it reached PostgreSQL, or 'after' that had done it, but before its answer went back. Resolves once that happened.
 */
async function startProxy(t, socket) {
  const folder = await newFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  let armed = null;
  const open = new Set();
  const server = createServer((client) => {
    const database = connect(socket);
    let swallowing = null;
    const end = () => (client.destroy(), database.destroy());
    for (const one of [client, database]) {
      open.add(one);
      one.on('error', end).on('close', end);
    }
    client.on('data', (bytes) => {
      if (armed && bytes.includes(armed.text)) {
        const { when, done } = armed;
        armed = null;
        if (when === 'before') return (end(), done());
        swallowing = done;
      }
      database.write(bytes);
    });
    database.on('data', (bytes) => {
      if (!swallowing) return void client.write(bytes);
      // "Z" is ready for the next: all of the message was done.
      if (bytes.at(-6) !== 0x5a) return;
      end();
      swallowing();
    });
  }).listen(join(folder, '.s.PGSQL.5432'));
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const one of open) one.destroy();
  });
  return { folder, cut: (text, when) => new Promise((done) => (armed = { text, when, done })) };
}

for (const when of ['before', 'after']) {
  test(`a connection that breaks ${when} a commit was done leaves exact counts`, { skip }, async (t) => {
    const upstream = await startUpstream({ handle: (model) => model.answer() });
    t.after(() => upstream.stop());
    const postgres = await startPostgres(t);
    const proxy = await startProxy(t, join(postgres.folder, '.s.PGSQL.5432'));
    const server = await startServer({
      args: ['--upstream-url', upstream.url, '--upstream-model', 'm'],
      env: { OPENCAT_STORE: postgres.url.replace(postgres.folder, proxy.folder) },
    });
    t.after(() => server.stop());
    const { token } = await server.issue();
    const isKept = (requests, settled) =>
      eventually(() => {
        const [row] = postgres.sql('SELECT sum(request_count), sum(prompt_tokens) FROM all_usage');
        return Number(row[0]) === requests && Number(row[1]) === 7 * settled;
      }, `${requests} requests counted, ${settled} settled`).catch((error) => {
        throw new Error(`${error.message}; it is ${postgres.sql('SELECT * FROM all_usage').join()}`);
      });
    const succeeds = () =>
      eventually(async () => (await chat(server, token)).status === 200, 'a request that is admitted');

    const admitting = proxy.cut('EXECUTE count_requests', when);
    refused(await chat(server, token), 503, 'SERVICE_UNAVAILABLE');
    await admitting;
    assert.equal(upstream.requests.length, 0);
    await succeeds();
    await isKept(1, 1);

    const settling = proxy.cut('EXECUTE settle', when);
    assert.equal((await chat(server, token)).status, 200);
    await settling;
    await succeeds();
    await isKept(3, 3);

    // Given back when the upstream has no answer; the same once more.
    const giving = proxy.cut('EXECUTE give_back', when);
    await upstream.stop();
    assert.equal((await chat(server, token)).status, 502);
    await giving;
    await isKept(3, 3);
  });
}
