// SPDX-License-Identifier: MIT
// `opencat bundle --plan` against a real server: its tokens get the plan, or nothing is made at all.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sandbox, tree } from './helpers.mjs';
import { workshop } from './workshop.mjs';
import { ask } from '../support/http.mjs';
import { startServer } from '../support/server.mjs';

/** A workshop whose server is a real one with these plans. */
async function planned(t, plans = ['class-3', 'vip'], args = []) {
  const made = await workshop(t);
  const server = await startServer({ args: ['--demo', '--enrollment', 'closed', ...args] });
  t.after(() => server.stop());
  const admin = async (method, address, body) => {
    const answer = await ask(`${server.origin}/api/admin${address}`, {
      method,
      headers: { 'X-Admin-Secret': server.secret, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    assert.ok(answer.status < 300, answer.body.toString());
    return answer.body.length > 0 ? answer.json() : null;
  };
  for (const name of plans) await admin('POST', '/plans', { name, quota: { daily_limit: 7 } });
  const demo = (await admin('GET', '/tokens')).tokens.map(({ id }) => id);
  /** [label, plan] of all tokens but the demo's own. */
  const tokens = async () => {
    const { tokens } = await admin('GET', '/tokens?sort=label&order=asc');
    return tokens.filter(({ id }) => !demo.includes(id)).map(({ label, plan }) => [label, plan]);
  };
  const bundle = (...more) =>
    made.bundle(['--server-url', server.origin, ...more], { OPENCAT_ADMIN_SECRET: server.secret });
  const people = (text) => {
    fs.writeFileSync(path.join(made.folder, 'people.csv'), text);
    return ['--labels', path.join(made.folder, 'people.csv')];
  };
  return { ...made, server, admin, tokens, bundle, people };
}

test('--pre-token --plan: the token in the zip has the plan, and its limits hold', async (t) => {
  const here = await planned(t);
  const made = await here.bundle('--pre-token', '--plan', 'class-3', '--label', 'Li');
  assert.equal(made.code, 0, made.stderr);
  assert.deepEqual(await here.tokens(), [['Li', 'class-3']]);
  const { token_id } = made.json.bundles[0];
  const token = await here.admin('GET', `/tokens/${token_id}`);
  assert.equal(token.plan, 'class-3');
  assert.equal(token.quota.daily_limit, 7);
});

test("none takes the server's default plan away, and without --plan it stays", async (t) => {
  const config = path.join(sandbox(t), 'opencat.toml');
  fs.writeFileSync(config, 'default_plan = "usual"\n[[plans]]\nname = "usual"\n');
  const here = await planned(t, [], ['--config', config]);
  assert.equal((await here.bundle('--pre-token', '--label', 'a')).code, 0);
  assert.equal((await here.bundle('--pre-token', '--label', 'b', '--plan', 'none')).code, 0);
  assert.deepEqual(await here.tokens(), [
    ['a', 'usual'],
    ['b', null],
  ]);
});

test("people's plans: the list's column, --plan where that is empty, and --count all the same", async (t) => {
  const here = await planned(t);
  const list = here.people('Plan,Name\nvip,A\n,B\n none ,C\n');
  const made = await here.bundle(...list, '--plan', 'class-3');
  assert.equal(made.code, 0, made.stderr);
  assert.deepEqual(await here.tokens(), [
    ['A', 'vip'],
    ['B', 'class-3'],
    ['C', null],
  ]);
  const counted = await here.bundle('--count', '2', '--label', 'D', '--plan', 'vip', '--out-dir', 'counted');
  assert.equal(counted.code, 0, counted.stderr);
  assert.deepEqual((await here.tokens()).slice(3), [
    ['D 1', 'vip'],
    ['D 2', 'vip'],
  ]);
  const chinese = await here.bundle(...here.people('姓名,套餐\nE,vip\n'), '--out-dir', 'chinese');
  assert.equal(chinese.code, 0, chinese.stderr);
  assert.deepEqual((await here.tokens()).slice(5), [['E', 'vip']]);
});

test('a plan that there is not: one clear line, no zip, no token', async (t) => {
  const here = await planned(t);
  for (const words of [
    ['--pre-token', '--plan', 'vipp'],
    ['--count', '3', '--plan', 'vipp'],
    here.people('name,plan\nA,vip\nB,vipp\n'),
  ]) {
    const made = await here.bundle(...words);
    assert.equal(made.code, 2, made.stderr);
    assert.match(made.stderr, /^[^\n]*has no plan 'vipp'; it has class-3, vip\n$/);
    assert.ok(made.stderr.includes(here.server.origin));
  }
  const without = await here.bundle('--plan', 'vip');
  assert.equal(without.code, 2, without.stderr);
  assert.match(without.stderr, /--plan is for tokens that the zips bring: add --pre-token/);
  const long = await here.bundle(...here.people(`name,plan\nA,${'x'.repeat(201)}\n`));
  assert.match(long.stderr, /line 2: its plan has more than 200 bytes/);
  assert.deepEqual(await here.tokens(), []);
  assert.deepEqual(tree(here.dist), []);

  const empty = await planned(t, []);
  const made = await empty.bundle('--pre-token', '--plan', 'vip');
  assert.equal(made.code, 2, made.stderr);
  assert.match(made.stderr, /has no plan 'vip'; add it on the admin page first\n$/);
});

test('a plan that goes while zips are made leaves none of them, and no token', async (t) => {
  const here = await workshop(t, { server: { enrollment: { mode: 'closed' } } });
  const plans = (_, response) => response.end('{"plans":[{"name":"vip"}]}');
  here.server.next('/api/admin/plans', plans);
  // As a server answers for a plan that was deleted since.
  here.server.next('/api/tokens', (_, response, body) => {
    assert.equal(body.plan, 'vip');
    const message = "'plan' names 'vip', and there is no such plan";
    response.writeHead(400).end(JSON.stringify({ error: { code: 'INVALID_REQUEST', message } }));
  });
  const made = await here.bundle(['--pre-token', '--plan', 'vip']);
  assert.notEqual(made.code, 0);
  assert.match(made.stderr, /there is no such plan/);
  // And one that issued the token, but without the plan.
  here.server.next('/api/admin/plans', plans);
  const other = await here.bundle(['--pre-token', '--plan', 'vip']);
  assert.equal(other.code, 2, other.stderr);
  assert.match(other.stderr, /did not give the token the plan 'vip'/);
  assert.equal(here.server.issued, 1);
  assert.equal(here.server.tokens.size, 0, 'it was deleted again');
  assert.deepEqual(tree(here.dist), []);
});

test('a server too old for plans is said to be', async (t) => {
  const here = await workshop(t);
  const made = await here.bundle(['--pre-token', '--plan', 'vip']);
  assert.equal(made.code, 2, made.stderr);
  assert.match(made.stderr, /knows no plans yet: bring it up to date, or leave --plan out\n$/);
  assert.equal(here.server.issued, 0);
  assert.deepEqual(tree(here.dist), []);
});
