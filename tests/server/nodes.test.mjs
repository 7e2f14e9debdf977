// SPDX-License-Identifier: MIT
// Three `opencat serve` on one PostgreSQL behind a real nginx, and behind a real HAProxy: what they must agree on is
// exact, whatever fails.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream } from '../fakes/upstream.mjs';
import { refused } from '../support/checks.mjs';
import { noHaproxy, startHaproxy } from '../support/haproxy.mjs';
import { ask, chat, eventually } from '../support/http.mjs';
import { noNginx, startNginx } from '../support/nginx.mjs';
import { noPostgres, startPostgres } from '../support/postgres.mjs';
import { newFolder, runOpencat, startServer, tokenRequest } from '../support/server.mjs';

const skip = noPostgres || noNginx;
const balancers = [
  { name: 'nginx', balance: startNginx, skip },
  { name: 'HAProxy', balance: startHaproxy, skip: noPostgres || noHaproxy },
];
let upstream;
before(async () => (upstream = await startUpstream({ handle: (model) => model.answer() })));
after(() => upstream.stop());

/** {postgres, nodes, front}: `front` is what a client is given, with the first node's issue() and status(). */
async function start(t, args, { count = 3, balance = startNginx } = {}) {
  const postgres = await startPostgres(t);
  const startNode = async () => {
    const node = await startServer({
      args: [
        '--upstream-url',
        upstream.url,
        '--upstream-model',
        'm',
        '--trusted-proxy',
        '127.0.0.1',
        ...args,
      ],
      env: { OPENCAT_STORE: postgres.url },
    });
    t.after(() => node.child.exitCode === null && node.child.signalCode === null && node.stop());
    return node;
  };
  const nodes = await Promise.all(Array.from({ length: count }, startNode));
  const origin = await balance(t, nodes);
  return { postgres, nodes, front: { ...nodes[0], origin } };
}

const count = (answers, status) => answers.filter((answer) => answer.status === status).length;
const counted = (postgres) =>
  Number(postgres.sql('SELECT coalesce(sum(request_count), 0) FROM all_usage')[0][0]);

async function burst(server, token, times, connections) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers = await Promise.all(
    Array.from({ length: times }, () => chat(server, token, undefined, { agent })),
  );
  agent.destroy();
  return answers;
}

for (const { name, balance, skip } of balancers)
  test(
    `1,500 requests at once on three nodes behind ${name} against a limit of 100 admit exactly 100`,
    { skip },
    async (t) => {
      const limits = ['--daily-limit', '100', '--rpm-limit', '10000'];
      const { postgres, nodes, front } = await start(t, limits, { balance });
      const { token } = await front.issue();
      const heard = upstream.requests.length;
      const answers = await burst(front, token, 1500, 1500);
      assert.equal(count(answers, 200), 100);
      assert.equal(count(answers, 429), 1400);
      assert.equal(upstream.requests.length - heard, 100);
      for (const answer of answers.filter(({ status }) => status === 429)) {
        refused(answer, 429, 'QUOTA_EXCEEDED');
      }
      assert.equal(counted(postgres), 100);
      // Each node took part, and all tell the same.
      for (const node of nodes) assert.equal((await node.status(token)).quota.daily_used, 100);
      assert.equal(Number(postgres.sql('SELECT count(*) FROM nodes WHERE batch > 0')[0][0]), 3);
    },
  );

test('a plan changed on one node holds for the next request on another', { skip }, async (t) => {
  const { nodes } = await start(t, []);
  const admin = async (node, method, path, body) => {
    const headers = { 'X-Admin-Secret': node.secret, 'Content-Type': 'application/json' };
    const answer = await ask(`${node.origin}/api/admin${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, answer.body);
    return answer.json();
  };
  const [one, two, three] = nodes;
  await admin(one, 'POST', '/plans', { name: 'class', quota: { daily_limit: 1 } });
  const { token } = await admin(two, 'POST', '/tokens', { plan: 'class' });
  assert.equal((await chat(three, token)).status, 200);
  refused(await chat(two, token), 429, 'QUOTA_EXCEEDED');
  await admin(one, 'PATCH', '/plans/class', { quota: { daily_limit: 2 } });
  assert.equal((await chat(two, token)).status, 200);
  refused(await chat(three, token), 429, 'QUOTA_EXCEEDED');
  await admin(three, 'PATCH', '/plans/class', { models: ['other'] });
  refused(await chat(one, token, { model: 'm', messages: [] }), 403, 'MODEL_NOT_ALLOWED');
});

test('the sliding window and the tokens of an address are exact over all nodes', { skip }, async (t) => {
  const { nodes, front } = await start(t, ['--rpm-limit', '20', '--enrollment', 'open']);
  const { token } = await front.issue();
  const answers = await burst(front, token, 90, 90);
  assert.equal(count(answers, 200), 20);
  for (const answer of answers.filter(({ status }) => status !== 200)) refused(answer, 429, 'RATE_LIMITED');

  const issue = (origin, address) =>
    ask(`${origin}/api/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': address },
      body: JSON.stringify(tokenRequest()),
    });
  const issued = await Promise.all(
    Array.from({ length: 30 }, (_, i) => issue(nodes[i % 3].origin, '192.0.2.7')),
  );
  assert.equal(count(issued, 200), 5);
  for (const answer of issued.filter(({ status }) => status !== 200)) refused(answer, 429, 'RATE_LIMITED');
  assert.equal((await issue(nodes[1].origin, '192.0.2.8')).status, 200);
});

test(
  'the nodes have one admin secret and one enrolment key, and what one changes the others know',
  { skip },
  async (t) => {
    const { nodes } = await start(t, []);
    assert.equal(new Set(nodes.map(({ secret }) => secret)).size, 1);
    const keys = () => Promise.all(nodes.map(({ ready }) => readFile(ready.enroll_key_file, 'utf8')));
    assert.equal(new Set(await keys()).size, 1);
    const [first, second, third] = nodes;
    const rotated = await ask(`${first.origin}/api/admin/enrollment/rotate`, {
      method: 'POST',
      headers: { 'X-Admin-Secret': second.secret, 'Content-Type': 'application/json' },
      body: '{}',
    });
    const { key } = rotated.json();
    const withKey = () =>
      ask(`${third.origin}/api/tokens`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Enroll-Key': key },
        body: JSON.stringify(tokenRequest()),
      });
    await eventually(async () => (await withKey()).status === 200, 'a key that the third node knows');
    await eventually(async () => new Set(await keys()).size === 1, 'the same key in all files');
    // A token that one disables is so at once for all.
    const { token, id } = await first.issue();
    const off = await ask(`${second.origin}/api/admin/tokens/${id}`, {
      method: 'PATCH',
      headers: { 'X-Admin-Secret': second.secret, 'Content-Type': 'application/json' },
      body: '{"status":"disabled"}',
    });
    assert.equal(off.status, 200);
    refused(await chat(third, token), 403, 'TOKEN_DISABLED');
  },
);

/** Requests one after the other until `stop.now`; what was answered, by status. */
async function load(server, token, stop, seen, agent) {
  while (!stop.now) {
    try {
      const answer = await chat(server, token, undefined, { agent });
      seen.push(answer);
    } catch (error) {
      seen.push({ status: 0, error });
    }
  }
}

for (const { name, balance, skip } of balancers)
  test(`a node killed under load behind ${name} loses nothing that was counted`, { skip }, async (t) => {
    const unlimited = ['--rpm-limit', '100000', '--daily-limit', '100000', '--monthly-limit', '100000'];
    const { postgres, nodes, front } = await start(t, unlimited, { balance });
    const { token } = await front.issue();
    const heard = upstream.requests.length;
    const stop = { now: false };
    const seen = [];
    const agent = new Agent({ keepAlive: true });
    const at_once = 24;
    const workers = Array.from({ length: at_once }, () => load(front, token, stop, seen, agent));
    await eventually(() => count(seen, 200) > 200, 'some requests', 60_000);
    await nodes[2].stop('SIGKILL');
    const then = seen.length;
    await eventually(() => seen.length > then + 200, 'more requests', 60_000);
    stop.now = true;
    await Promise.all(workers);
    agent.destroy();
    const ok = count(seen, 200);
    const forwarded = upstream.requests.length - heard;
    const sum = counted(postgres);
    assert.ok(sum >= forwarded && forwarded >= ok, `${sum} counted, ${forwarded} heard, ${ok} answered`);
    // What the killed node had counted and not yet forwarded, at most; the others go on as if nothing was.
    assert.ok(sum - forwarded <= at_once, `${sum} counted, ${forwarded} heard`);
    assert.equal((await chat(nodes[0], token)).status, 200);
  });

test(
  'while PostgreSQL restarts under load there are answers and 503s, and then it goes on by itself',
  { skip },
  async (t) => {
    const unlimited = ['--rpm-limit', '100000', '--daily-limit', '100000', '--monthly-limit', '100000'];
    const { postgres, nodes, front } = await start(t, unlimited);
    const { token } = await front.issue();
    const stop = { now: false };
    const seen = [];
    const agent = new Agent({ keepAlive: true });
    const workers = Array.from({ length: 12 }, () => load(front, token, stop, seen, agent));
    for (const signal of ['SIGINT', 'SIGQUIT']) {
      const then = count(seen, 200);
      await eventually(() => count(seen, 200) > then + 50, 'some requests', 60_000);
      await postgres.stop(signal);
      const away = count(seen, 503);
      await eventually(() => count(seen, 503) > away, 'a 503', 60_000);
      refused(await ask(`${nodes[1].origin}/api/tokens/${token}/status`), 503, 'SERVICE_UNAVAILABLE');
      assert.equal((await ask(`${nodes[0].origin}/readyz`)).status, 503);
      await postgres.start();
      const back = Date.now();
      const ready = async () =>
        (await Promise.all(nodes.map((node) => chat(node, token)))).every(({ status }) => status === 200);
      await eventually(ready, 'three nodes that count again', 60_000);
      t.diagnostic(
        `${signal}: all three nodes counted again ${Date.now() - back} ms after PostgreSQL answered`,
      );
    }
    stop.now = true;
    await Promise.all(workers);
    agent.destroy();
    assert.deepEqual([...new Set(seen.map(({ status }) => status))].sort(), [200, 503]);
    for (const answer of seen.filter(({ status }) => status === 503))
      refused(answer, 503, 'SERVICE_UNAVAILABLE');
    // Exactly what was answered is counted: what was told 503 is not, even if its commit went through.
    const asked = count(seen, 200);
    const more = upstream.requests.length; // all of them reached the upstream
    assert.ok(more >= asked);
    for (const node of nodes) assert.equal((await ask(`${node.origin}/readyz`)).status, 200);
    const sum = () => Number(postgres.sql('SELECT sum(request_count) FROM all_usage')[0][0]);
    const rows = () => Number(postgres.sql('SELECT sum(prompt_tokens) FROM all_usage')[0][0]);
    await eventually(() => rows() === 7 * sum(), 'each counted request settled, and no other', 20_000).catch(
      (error) => {
        throw new Error(`${error.message}: ${sum()} counted, ${rows() / 7} settled, ${asked} answered`);
      },
    );
  },
);

test(
  'the store’s address is masked, may stand in a file, and is one clear line when it is wrong',
  { skip },
  async (t) => {
    const dir = await newFolder();
    t.after(() => rm(dir, { recursive: true }));
    const serve = (words, env) =>
      runOpencat(['serve', '--data-dir', dir, '--demo', '--port', '0', ...words], { cwd: dir, env });
    const url = 'postgresql://me:secret-word@/db?host=/nowhere';
    const shown = await serve(['--show-config', '--json', '--store', url]);
    assert.equal(JSON.parse(shown.stdout)['--store'].value, '********');
    assert.doesNotMatch(shown.stdout + shown.stderr, /secret-word/);
    await writeFile(join(dir, 'store'), `${url}\n`);
    for (const words of [
      ['--store', url],
      ['--store-file', join(dir, 'store')],
    ]) {
      const { code, stderr } = await serve(words);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /cannot use the database postgresql:\/\/me:\*{8}@\/db: .*\/nowhere/);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.doesNotMatch(stderr, /secret-word/);
    }
    const wrong = await serve(['--store', 'mysql://me:secret-word@host/db']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--store wants an address such as postgresql:/);
    assert.doesNotMatch(wrong.stderr, /secret-word/);
    assert.match((await serve(['--store', url, '--store-file', join(dir, 'store')])).stderr, /not both/);
  },
);

test('opencat token works on the shared store, beside the nodes', { skip }, async (t) => {
  const { postgres, nodes } = await start(t, [], { count: 1 });
  const dir = await newFolder();
  t.after(() => rm(dir, { recursive: true }));
  const token = (...words) =>
    runOpencat(['token', ...words, '--data-dir', dir, '--json'], {
      cwd: dir,
      env: { OPENCAT_STORE: postgres.url },
    });
  const made = await token('create', '--label', 'by hand');
  assert.equal(made.code, 0, made.stderr);
  const { tokens } = JSON.parse((await token('list')).stdout);
  assert.equal(tokens[0].label, 'by hand');
  const issued = JSON.parse(made.stdout);
  assert.equal((await chat(nodes[0], (issued.tokens?.[0] ?? issued).token)).status, 200);
  const backup = await runOpencat(['backup', join(dir, 'x.db'), '--data-dir', dir], {
    cwd: dir,
    env: { OPENCAT_STORE: postgres.url },
  });
  assert.equal(backup.code, 2);
  assert.match(backup.stderr, /pg_dump/);
});
