// SPDX-License-Identifier: MIT
// What the server's tests assert again and again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { eventually } from './http.mjs';

/** An error of the protocol's shape with this status and code; its `error` object. */
export function refused(answer, status, code) {
  assert.equal(answer.status, status, answer.body.toString());
  const { error } = answer.json();
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
  assert.equal(error.code, code);
  assert.equal(error.param, null);
  assert.notEqual(error.message, '');
  if (status === 429 || status === 503) assert.ok(Number(answer.headers['retry-after']) >= 1);
  return error;
}

/** SQL on the server's database by an operator's own tool, as a list of rows of texts and numbers. */
export function sql(server, statement) {
  const file = join(server.dir, 'opencat.db');
  const args = ['-json', '-cmd', '.timeout 10000', file, `PRAGMA foreign_keys = ON; ${statement}`];
  const text = execFileSync('sqlite3', args, { encoding: 'utf8' });
  const start = text.lastIndexOf('[{');
  return start < 0 ? [] : JSON.parse(text.slice(start)).map(Object.values);
}

export const whereToken = (token) => `token_hash = x'${createHash('sha256').update(token).digest('hex')}'`;

/** For a FROM: what is counted, whether it is folded into `usage` already or not. */
export const allUsage = '(SELECT * FROM usage UNION ALL SELECT * FROM recent_usage)';

/** Rows of [model, requests, prompt tokens, completion tokens]. */
function usageRows(server, token) {
  const query =
    'SELECT model, sum(request_count), sum(prompt_tokens), sum(completion_tokens) ' +
    `FROM ${allUsage} JOIN tokens ON id = token_id WHERE ${whereToken(token)} GROUP BY model ORDER BY model`;
  return sql(server, query);
}

/** The rows once some tokens were settled. */
export function usageOf(server, token) {
  return eventually(() => {
    const rows = usageRows(server, token);
    return rows.some(([, , prompt]) => prompt > 0) && rows;
  }, 'usage that was settled');
}

/** Waits until the rows are these: requests are settled a moment after their answers. */
export async function usageIs(server, token, expected) {
  let rows;
  await eventually(() => {
    rows = usageRows(server, token);
    return JSON.stringify(rows) === JSON.stringify(expected);
  }, 'that usage').catch(() => assert.deepEqual(rows, expected));
}

/** Waits until the token's daily count is `count`: it is given back after the answer. */
export async function used(server, token, count) {
  let quota;
  await eventually(async () => {
    ({ quota } = await server.status(token));
    return quota.daily_used === count;
  }, `a count of ${count}`).catch((error) => {
    error.message += `; it is ${quota?.daily_used}`;
    throw error;
  });
  assert.equal(quota.monthly_used, count);
  assert.equal(quota.daily_remaining, quota.daily_limit - count);
}

/** Sends SIGHUP and waits until the log has said what came of it; that is what it resolves to. */
export function hangUp(server) {
  const before = server.child.text.stderr.length;
  server.child.kill('SIGHUP');
  return eventually(() => {
    const said = server.child.text.stderr.slice(before);
    return said.includes('SIGHUP') && said;
  }, 'a word on SIGHUP');
}
