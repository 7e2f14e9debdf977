// SPDX-License-Identifier: MIT
// /healthz, /readyz and /metrics, on the main port and on their own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answer, startUpstream } from '../fakes/upstream.mjs';
import { refused, used } from '../support/checks.mjs';
import { ask, bearer, chat, chatStream, connect, eventually, hello } from '../support/http.mjs';
import { parseMetrics } from '../support/metrics.mjs';
import { runOpencat, startServer } from '../support/server.mjs';

let upstream;
before(async () => (upstream = await startUpstream()));
after(() => upstream.stop());

const start = (more = []) =>
  startServer({
    args: ['--upstream-url', upstream.url, '--upstream-model', 'm', '--ops-port', '0', ...more],
  });
const scrape = async (base) => {
  const answer = await ask(`${base}/metrics`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parseMetrics(answer.body.toString());
};

test('the probes have a listener of their own, with nothing else on it', async (t) => {
  const server = await start();
  t.after(() => server.stop());
  const { ops_url } = server.ready;
  assert.notEqual(ops_url, server.origin);
  for (const base of [ops_url, server.origin]) {
    for (const path of ['/healthz', '/health']) {
      assert.deepEqual((await ask(base + path)).json(), { status: 'ok', protocol_version: '1.0.0' });
    }
    assert.deepEqual((await ask(`${base}/readyz`)).json(), { status: 'ready', reasons: [] });
    await scrape(base);
  }
  for (const path of ['/chat', '/api/tokens', '/v1/models', '/api/admin/tokens']) {
    refused(await ask(ops_url + path), 404, 'NOT_FOUND');
  }
});

test('a port that cannot be is refused', async () => {
  for (const port of ['x', '70000', '-1']) {
    const { code, stderr } = await runOpencat(['serve', '--demo', `--ops-port=${port}`]);
    assert.equal(code, 2);
    assert.match(stderr, /--ops-port wants a number/);
  }
});

test('with every connection taken the main port says 503 and the probes still answer', async (t) => {
  const server = await start(['--max-connections', '3']);
  t.after(() => server.stop());
  const held = await Promise.all([1, 2, 3].map(() => connect(server.port)));
  t.after(() => held.forEach((client) => client.close()));
  await eventually(
    async () => (await scrape(server.ready.ops_url)).value('opencat_connections_open') === 3,
    'three connections',
  );
  refused(await ask(`${server.origin}/healthz`), 503, 'SERVICE_UNAVAILABLE');
  for (let i = 0; i < 20; ++i) assert.equal((await ask(`${server.ready.ops_url}/healthz`)).status, 200);
  assert.equal((await ask(`${server.ready.ops_url}/readyz`)).status, 200);
  const metrics = await scrape(server.ready.ops_url);
  assert.equal(metrics.value('opencat_connections_refused_total'), 1);
  assert.equal(metrics.value('opencat_connections_limit'), 3);
});

test('/readyz is 503 while the database is held by another, and healthy still means alive', async (t) => {
  const server = await start();
  t.after(() => server.stop());
  const holder = spawn('sqlite3', [join(server.dir, 'opencat.db')]);
  t.after(() => holder.kill());
  holder.stdin.write("BEGIN IMMEDIATE;\nSELECT 'held';\n");
  await once(holder.stdout, 'data');
  const ready = async (base) => {
    const answer = await ask(`${base}/readyz`);
    return [answer.status, answer.json()];
  };
  await eventually(async () => (await ready(server.ready.ops_url))[0] === 503, 'it is not ready', 15_000);
  for (const base of [server.ready.ops_url, server.origin]) {
    const [status, { reasons }] = await ready(base);
    assert.equal(status, 503);
    assert.match(reasons[0], /^the database /);
    assert.equal((await ask(`${base}/healthz`)).status, 200);
  }
  holder.stdin.end('COMMIT;\n');
  await once(holder, 'close');
  await eventually(async () => (await ready(server.ready.ops_url))[0] === 200, 'it is ready again', 15_000);
});

test('while it drains it is not ready, and the probes answer to the end', async () => {
  const server = await start();
  const { token } = await server.issue();
  const stream = chatStream(server, token);
  const model = await upstream.next();
  model.say('one');
  const { next, rest } = await stream;
  await next();
  const stopped = server.stop();
  const { ops_url } = server.ready;
  await eventually(async () => (await ask(`${ops_url}/readyz`)).status === 503, 'it drains');
  const draining = await ask(`${ops_url}/readyz`);
  refusedReadiness(draining, 'the server is stopping');
  assert.equal((await ask(`${ops_url}/healthz`)).status, 200);
  assert.equal((await scrape(ops_url)).value('opencat_streams_open'), 1);
  model.done();
  await rest();
  assert.equal(await stopped, 0);
});
function refusedReadiness(answer, reason) {
  assert.deepEqual(answer.json(), { status: 'not_ready', reasons: [reason] });
  assert.ok(Number(answer.headers['retry-after']) > 0);
}

test('the metrics tell of requests, streams, models, commits, upstreams and the process', async (t) => {
  const server = await start();
  t.after(() => server.stop());
  const { token, id } = await server.issue();
  const whole = chat(server, token);
  (await upstream.next()).answer();
  assert.equal((await whole).status, 200);
  const stream = chatStream(server, token, { ...hello, model: 'm' });
  const model = await upstream.next();
  model.say('one');
  const { next, rest } = await stream;
  await next();
  const during = await scrape(server.ready.ops_url);
  assert.equal(during.value('opencat_streams_open'), 1);
  assert.equal(during.value('http_server_active_requests'), 1);
  assert.equal(during.value('opencat_upstream_calls_in_flight', { upstream: 'upstream' }), 1);
  model.done();
  await rest();
  await chat(server, `occ_${'0'.repeat(32)}`);
  await chat(server, token, { ...hello, model: 'a-model-of-the-clients' });
  await ask(`${server.origin}/a/path/of/the/clients?token=${token}`);
  await ask(`${server.origin}/api/tokens/${token}/status`);
  const bad = await connect(server.port);
  bad.write('BREW / HTTP/1.1\r\nHost: x\r\n\r\n');
  await bad.ended;
  await used(server, token, 2);

  const text = (await ask(`${server.ready.ops_url}/metrics`)).body.toString();
  const metrics = parseMetrics(text);
  const requests = (labels) => metrics.value('http_server_request_duration_seconds_count', labels);
  const http_route = '/v1/chat/completions';
  assert.equal(requests({ http_route, http_response_status_code: '200', http_request_method: 'POST' }), 2);
  assert.equal(requests({ http_route, http_response_status_code: '401' }), 1);
  assert.equal(requests({ http_route, http_response_status_code: '400' }), 1);
  assert.equal(requests({ http_route: '', http_response_status_code: '404' }), 1);
  assert.equal(requests({ http_request_method: '_OTHER', http_response_status_code: '400' }), 1);
  assert.ok(requests({ http_route: '/api/tokens/{}/status', http_response_status_code: '200' }) >= 1);
  const labels = { gen_ai_request_model: 'm', gen_ai_operation_name: 'chat' };
  assert.equal(metrics.value('gen_ai_server_request_duration_seconds_count', labels), 2);
  assert.equal(metrics.value('gen_ai_server_time_to_first_token_seconds_count', labels), 1);
  assert.equal(metrics.value('opencat_streams_open'), 0);
  assert.equal(metrics.value('http_server_active_requests'), 0);
  assert.ok(metrics.value('opencat_store_commit_duration_seconds_count') >= 3);
  assert.equal(metrics.value('opencat_store_queue_length'), 0);
  assert.equal(metrics.value('opencat_blocking_queue_length'), 0);
  assert.equal(metrics.value('opencat_upstream_healthy', { upstream: 'upstream' }), 1);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_open_fds']) {
    assert.ok(metrics.value(name) > 0, name);
  }
  for (const secret of [token, token.slice(0, 12), id, '127.0.0.1', 'clients', 'BREW']) {
    assert.ok(!text.includes(secret), secret);
  }
});

test('the metrics tell of the tokens that models used, by model and kind, and which were estimated', async (t) => {
  const server = await start();
  t.after(() => server.stop());
  const { token, id } = await server.issue();
  const name = 'gen_ai_client_token_usage';
  const metrics = () => scrape(server.ready.ops_url);
  const labelsOf = (gen_ai_token_type, opencat_estimated, more = {}) => ({
    gen_ai_request_model: 'm',
    gen_ai_operation_name: 'chat',
    gen_ai_token_type,
    opencat_estimated,
    ...more,
  });
  const settled = (labels, count) =>
    eventually(async () => (await metrics()).value(`${name}_count`, labels) === count, `${count} counted`);
  assert.equal((await metrics()).value(`${name}_count`), 0);

  const whole = chat(server, token);
  (await upstream.next()).answer(answer('hello'));
  await whole;
  const stream = chatStream(server, token, { ...hello, stream_options: { include_usage: true } });
  const model = await upstream.next();
  model.say('one');
  await model.usage(20, 300);
  model.done();
  await (await stream).rest();
  await settled(labelsOf('output', 'false'), 2);
  const reported = await metrics();
  assert.equal(reported.value(`${name}_sum`, labelsOf('input', 'false')), 27);
  assert.equal(reported.value(`${name}_sum`, labelsOf('output', 'false')), 303);
  assert.equal(reported.value(`${name}_bucket`, labelsOf('output', 'false', { le: '4' })), 1);
  assert.equal(reported.value(`${name}_count`, { opencat_estimated: 'true' }), 0);

  // Nobody reports the usage of a stream that its client left.
  const words = 'four words of text '.repeat(8);
  const left = chatStream(server, token, { messages: [{ role: 'user', content: words }] });
  const deserted = await upstream.next();
  await deserted.say(words);
  const { next, request } = await left;
  await next();
  request.destroy();
  await deserted.closed;
  await settled(labelsOf('output', 'true'), 1);
  const estimated = await metrics();
  for (const type of ['input', 'output']) {
    const tokens = estimated.value(`${name}_sum`, labelsOf(type, 'true'));
    assert.ok(tokens >= 30 && tokens <= 50, `${type}: ${tokens}`);
  }

  const embedded = ask(`${server.origin}/v1/embeddings`, {
    method: 'POST',
    headers: bearer(token),
    body: JSON.stringify({ model: 'm', input: 'text' }),
  });
  (await upstream.next()).answer({ data: [], usage: { prompt_tokens: 11, total_tokens: 11 } });
  assert.equal((await embedded).status, 200);
  const refusal = chat(server, token);
  (await upstream.next()).fail(400, { message: 'no' });
  assert.equal((await refusal).status, 400);
  await chat(server, token, { ...hello, model: 'a-model-of-the-clients' });
  await settled({ gen_ai_operation_name: 'embeddings' }, 1);
  const all = await metrics();
  assert.equal(all.value(`${name}_sum`, { gen_ai_operation_name: 'embeddings' }), 11);
  assert.equal(all.value(`${name}_count`), 7, 'what was refused used nothing');

  // The same numbers as the operator's own books.
  const secretOf = { 'X-Admin-Secret': server.secret };
  const books = (await ask(`${server.origin}/api/admin/usage`, { headers: secretOf })).json().total;
  const sums = (labels) => all.value(`${name}_sum`, labels);
  assert.equal(sums({ gen_ai_token_type: 'input' }), books.prompt_tokens);
  assert.equal(sums({ gen_ai_token_type: 'output' }), books.completion_tokens);
  const text = JSON.stringify(all.series);
  for (const secret of [token, token.slice(0, 12), id, '127.0.0.1', 'clients'])
    assert.ok(!text.includes(secret), secret);
});
