// SPDX-License-Identifier: MIT
// One zip per person: who gets which, going on after a failure or a kill, and no token that nobody has.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run, start, tree, until } from './helpers.mjs';
import { workshop } from './workshop.mjs';
import { sendError } from '../fakes/opencat_server.mjs';

async function peopleWorkshop(t) {
  const made = await workshop(t, { server: { enrollment: { mode: 'closed' } } });
  const people = (text) => {
    fs.writeFileSync(path.join(made.folder, 'people.csv'), text);
    return ['--labels', path.join(made.folder, 'people.csv')];
  };
  return { ...made, people };
}

const zips = (dist) => tree(dist).filter((name) => name.endsWith('.zip'));
const inZip = (zip, name) => JSON.parse(execFileSync('unzip', ['-p', zip, `opencat-portable/${name}`]));
const folders = (dist) => zips(dist).map((name) => path.dirname(name));

/** Every zip's token is the server's, for that person and platform; and the server has no other. */
function checkTokens({ server, dist }) {
  const found = zips(dist).map((name) => {
    const zip = path.join(dist, name);
    const { token, install_id } = inZip(zip, 'token.json');
    const { label, platform } = inZip(zip, 'bundle.json');
    const asked = server.tokens.get(token);
    assert.deepEqual(
      [asked?.install_id, asked?.meta.label ?? null, asked?.platform],
      [install_id, label, platform],
      name,
    );
    assert.equal(fs.statSync(zip).mode & 0o777, 0o600);
    return token;
  });
  assert.deepEqual(found.sort(), [...server.tokens.keys()].sort());
}

test('a CSV of people: a zip each and per platform, a list that says who has which, and no token outside', async (t) => {
  const here = await peopleWorkshop(t);
  const csv =
    '\ufeffClass,Label\r\n3A,"Li, Wei ""小李"""\r\n3A,张伟\r\n\r\n3B,张伟\r\n3B,CON\r\n3B,../../etc\r\n3B,=1+1\r\n';
  const made = await here.bundle([...here.people(csv), '--platform', 'win-x64']);
  assert.equal(made.code, 0, made.stderr);
  assert.deepEqual(
    [...new Set(folders(here.dist))].sort(),
    ['1-1', 'Li-Wei-小李', 'etc', 'user-CON', '张伟', '张伟-2'].sort(),
  );
  assert.equal(zips(here.dist).length, 12);
  checkTokens(here);
  const list = fs.readFileSync(path.join(here.dist, 'tokens.csv'), 'utf8').trim().split('\r\n');
  assert.equal(list[0], 'label,file,platform,token_id');
  assert.equal(list.length, 13);
  assert.ok(
    list.some((line) =>
      /^"Li, Wei ""小李""",Li-Wei-小李\/opencat-portable-win-x64\.zip,win-x64,tok_\d+$/.test(line),
    ),
    list,
  );
  assert.ok(
    list.some((line) => line.startsWith("'=1+1,")),
    'no formula for a spreadsheet',
  );
  assert.equal(fs.statSync(path.join(here.dist, 'tokens.csv')).mode & 0o777, 0o600);
  assert.equal(fs.statSync(path.join(here.dist, '.opencat-tokens')).mode & 0o777, 0o600);
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: here.dist });
  const texts = tree(here.dist).filter((name) => /csv|json|SUMS|tokens/.test(name));
  const said =
    texts.map((name) => fs.readFileSync(path.join(here.dist, name), 'utf8')).join() +
    made.stdout +
    made.stderr +
    tree(here.dist).join();
  for (const token of here.server.tokens.keys()) assert.ok(!said.includes(token));
});

test('run again, only what is missing is made; and nothing of something else', async (t) => {
  const here = await peopleWorkshop(t);
  assert.equal((await here.bundle(here.people('A\nB\n'))).code, 0);
  const kept = fs.statSync(path.join(here.dist, 'A/opencat-portable-linux-x64.zip')).mtimeMs;
  fs.rmSync(path.join(here.dist, 'B'), { recursive: true });
  const before = here.server.issued;
  const made = await here.bundle(here.people('Z\nB\nA\n'));
  assert.equal(made.code, 0, made.stderr);
  assert.equal(here.server.issued - before, 2);
  assert.equal(fs.statSync(path.join(here.dist, 'A/opencat-portable-linux-x64.zip')).mtimeMs, kept);
  assert.equal(made.json.bundles.length, 3);
  checkTokens(here);
  const other = await here.bundle([...here.people('A\n'), '--enroll-key', 'another']);
  assert.equal(other.code, 2, other.stderr);
  assert.match(other.stderr, /another --out-dir/);
  checkTokens(here);
});

test('a failure in the middle: what is whole stays, no token is left over, and the next run ends it', async (t) => {
  const here = await peopleWorkshop(t);
  for (let i = 0; i < 3; ++i)
    here.server.next('/api/tokens', (_, response) =>
      sendError(response, 429, 'RATE_LIMITED', { 'retry-after': '1' }),
    );
  const fail = (request, response, body) => {
    if (body.meta.label === 'user 7') return sendError(response, 500, 'INTERNAL_ERROR');
    here.server.next('/api/tokens', fail);
    return response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(here.server.issue(body)));
  };
  here.server.next('/api/tokens', fail);
  const made = await here.bundle(['--count', '9']);
  assert.notEqual(made.code, 0);
  checkTokens(here);
  assert.ok(zips(here.dist).length >= 3, zips(here.dist).join());
  here.server.overrides.length = 0;
  const again = await here.bundle(['--count', '9']);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(
    folders(here.dist),
    Array.from({ length: 9 }, (_, i) => `user-${i + 1}`),
  );
  checkTokens(here);
  assert.ok(!fs.readdirSync(here.dist).some((name) => name.startsWith('.making')));
});

test('killed at any moment, the next run leaves no token without its zip and no zip without its token', async (t) => {
  const here = await peopleWorkshop(t);
  for (const after of [1, 2, 5, 9, 14]) {
    const child = start(here.folder, [...here.words, '--count', '30'], { env: here.env });
    const ended = child.done;
    await until(() => here.server.issued >= after || child.exitCode !== null, 'tokens to be issued');
    child.kill('SIGKILL');
    await ended;
  }
  // Killed between the server's answer and the line that notes it.
  const lost = here.server.issue({
    platform: 'linux-x64',
    install_id: '0f8fad5b-d9cb-469f-a165-70867728950e',
    meta: {},
  });
  fs.appendFileSync(
    path.join(here.dist, '.opencat-tokens'),
    '{"wanted":"0f8fad5b-d9cb-469f-a165-70867728950e","platform":"linux-x64","label":"x","file":"x/y.zip"}\n{"issu',
  );
  const made = await here.bundle(['--count', '30']);
  assert.equal(made.code, 0, made.stderr);
  assert.ok(!here.server.tokens.has(lost.token));
  assert.equal(zips(here.dist).length, 30);
  checkTokens(here);
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: here.dist });
});

test('--pre-token alone, killed between asking and the end: the next run deletes what was left over', async (t) => {
  const here = await peopleWorkshop(t);
  let asked;
  here.server.next('/api/tokens', (_, response, body) => {
    here.server.issue(body); // and no answer
    asked = response;
  });
  const child = start(here.folder, [...here.words, '--pre-token'], { env: here.env });
  await until(() => asked, 'the token to be asked for');
  child.kill('SIGKILL');
  await child.done;
  assert.equal(here.server.tokens.size, 1);
  assert.equal((await here.bundle(['--pre-token'])).code, 0);
  checkTokens(here);
  assert.ok(!fs.existsSync(path.join(here.dist, '.opencat-tokens')), 'nothing is left to be told');
});

test('mistakes in the list of people are named with their line', async (t) => {
  const here = await peopleWorkshop(t);
  const none = await here.bundle(['--count', '0', '--label', 'x', ...here.people('A\n')]);
  assert.match(none.stderr, /leave out --count and --label/);
  for (const [csv, message] of [
    ['', /names nobody/],
    ['label\n', /names nobody/],
    ['A\nB"c\n', /line 2: a quote within/],
    ['A\n"B\n', /line 2: a quote that is not closed/],
    ['A\n"B"c\n', /line 2: something behind/],
    ['name,x\n,1\n', /line 2: has no label/],
    [`A\n${'长'.repeat(67)}\n`, /line 2: its label has more than 200 bytes/],
    ['A\nB\x07\n', /line 2: its label has a control character/],
    [Buffer.from('\xc3\xe9\n', 'latin1'), /not in UTF-8/],
    ['A\n'.repeat(10_002), /more than 10,000/],
  ]) {
    const made = await here.bundle(here.people(csv));
    assert.equal(made.code, 2, String(csv).slice(0, 40) + made.stderr);
    assert.match(made.stderr, message);
  }
  assert.equal((await here.bundle(['--count', '10001'])).code, 2);
  assert.equal(here.server.issued, 0);
  assert.deepEqual(tree(here.dist), []);
});
