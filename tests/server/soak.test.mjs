// SPDX-License-Identifier: MIT
// A short run of ./dev bench soak: nothing is lost, nothing stays behind. Whether memory is flat shows in half an hour.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../../bench/soak/soak.mjs';

test('mixed load with faults: each request is accounted for, and files, threads and memory come back', async () => {
  const result = await soak({ seconds: 15, clients: 20 });
  assert.deepEqual(result.odd, []);
  assert.equal(Object.keys(result.done).length, 11, JSON.stringify(result.done));
  // Counted is what the upstream heard and did not fail, and those that left before it could.
  const { heard, counted, unsure, before, after } = result;
  const what = JSON.stringify({ heard, counted, unsure });
  assert.ok(counted >= heard.kept - unsure && counted <= heard.kept + unsure, what);
  assert.ok(heard.kept > 100 && heard.given_back > 10, what);
  // Upstream connections are kept for the next request: at most one per client.
  assert.ok(after.fds <= before.fds + 20, `${before.fds} open files before, ${after.fds} after`);
  assert.ok(after.threads <= before.threads + 1, `${before.threads} threads before, ${after.threads} after`);
  // A sanitizer keeps freed memory for a while.
  const bound_mib = process.env.OPENCAT_TEST_SANITIZER ? 600 : 48;
  const grown_mib = (after.rss_kib - before.rss_kib) / 1024;
  assert.ok(grown_mib < bound_mib, `it grew by ${grown_mib.toFixed(1)} MiB`);
});
