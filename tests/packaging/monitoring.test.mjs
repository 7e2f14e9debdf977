// SPDX-License-Identifier: MIT
// packaging/prometheus and packaging/grafana against real parts: a server's own metrics, a Prometheus that scrapes it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startUpstream } from '../fakes/upstream.mjs';
import { ask, chat, chatStream, eventually } from '../support/http.mjs';
import { parseMetrics } from '../support/metrics.mjs';
import { packaged, startPrometheus } from '../support/prometheus.mjs';
import { newFolder, startServer } from '../support/server.mjs';

const dashboard = JSON.parse(readFileSync(packaged('grafana/opencat.json'), 'utf8'));
const rulesFile = packaged('prometheus/opencat.rules.yml');
const alertNames = [...readFileSync(rulesFile, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
/** What the dashboard asks, once Grafana has put its variables in. */
const asked = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll('$__rate_interval', '1m').replace(/\$(job|instance)/g, '.*'),
  })),
);
// Of Prometheus, not of the server.
const ITS_OWN_LABELS = ['job', 'instance', 'le'];
const ITS_OWN_SERIES = ['up'];

async function startMonitored(t) {
  const upstream = await startUpstream({
    handle: (model) => (model.body.stream ? (model.say('word'), model.done()) : model.answer()),
  });
  t.after(() => upstream.stop());
  const args = [
    '--upstream-url',
    upstream.url,
    '--upstream-model',
    'm',
    '--ops-port',
    '0',
    '--rpm-limit',
    '100000',
  ];
  const server = await startServer({
    args: [...args, '--daily-limit', '100000', '--monthly-limit', '100000'],
  });
  let stopped;
  const stop = () => (stopped ??= server.stop());
  t.after(stop);
  const { token } = await server.issue();
  /** Some of all that is counted: whole answers, streams, one that is refused. */
  const traffic = async () => {
    assert.equal((await chat(server, token)).status, 200);
    await (await chatStream(server, token)).rest();
    assert.equal((await chat(server, `occ_${'0'.repeat(32)}`)).status, 401);
  };
  return { server, upstream, traffic, stop };
}

test('every metric and label that the dashboard and the alerts name is one of a real server', async (t) => {
  const { server, traffic } = await startMonitored(t);
  await traffic();
  const { series } = parseMetrics((await ask(`${server.ready.ops_url}/metrics`)).body.toString());
  const labelsOf = (name) =>
    new Set(series.filter((one) => one.name === name).flatMap(({ labels }) => Object.keys(labels)));
  const check = (expression) => {
    const grouped = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list.split(/, */));
    let rest = expression.replace(/by \([^)]*\)/g, ' ');
    const selected = [...rest.matchAll(/(\w+)\{([^}]*)\}/g)].flatMap(([, name, list]) =>
      [...list.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => [name, label]),
    );
    rest = rest.replace(/\{[^}]*\}/g, ' ').replace(/\[[^\]]*\]/g, ' ');
    const names = [...rest.matchAll(/[a-z]\w*_\w+|\bup\b/g)]
      .map(([name]) => name)
      .filter((name) => name !== 'histogram_quantile');
    assert.ok(names.length > 0, expression);
    for (const name of names.filter((one) => !ITS_OWN_SERIES.includes(one)))
      assert.ok(
        series.some((one) => one.name === name),
        `${expression}: there is no ${name}`,
      );
    for (const [name, label] of [...selected, ...grouped.map((one) => [names[0], one])]) {
      const known = ITS_OWN_LABELS.includes(label) || labelsOf(name).has(label);
      assert.ok(known, `${expression}: ${name} has no label ${label}`);
    }
  };
  for (const { expr } of asked) check(expr);
  const promtool = ['check', 'rules', rulesFile];
  assert.match(execFileSync('promtool', promtool, { encoding: 'utf8' }), /SUCCESS: \d+ rules found/);
  for (const [, block, line] of readFileSync(rulesFile, 'utf8').matchAll(
    /expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/g,
  ))
    check(block ?? line);
  assert.throws(() => check('sum by (colour) (rate(opencat_streams_open[1m]))'), /no label colour/);
  assert.throws(() => check('rate(opencat_nothing[1m])'), /no opencat_nothing/);
});

test('a real Prometheus has data for every panel, and alerts when a model and then the server are gone', async (t) => {
  const { server, upstream, traffic, stop } = await startMonitored(t);
  const prometheus = await startPrometheus(t, new URL(server.ready.ops_url).host);
  let empty = asked;
  const all = async () => {
    await traffic();
    const without = [];
    for (const one of empty) {
      const samples = await prometheus.query(one.expr);
      if (samples.length === 0 || samples.some(({ value }) => !Number.isFinite(value))) without.push(one);
    }
    empty = without;
    return empty.length === 0;
  };
  await eventually(all, 'data', 30_000).catch(() => assert.deepEqual(empty, [], 'these have no data'));
  const rules = await prometheus.rules();
  assert.deepEqual(rules.map(({ name }) => name).sort(), [...alertNames].sort());
  const state = async (name) => (await prometheus.rules()).find((rule) => rule.name === name);
  await eventually(
    async () => (await state('OpenCatNoUpstream')).health === 'ok',
    'rules that were evaluated',
  );
  for (const { name, health, lastError } of await prometheus.rules())
    assert.notEqual(health, 'err', `${name}: ${lastError}`);
  assert.equal((await state('OpenCatDown')).state, 'inactive');

  await upstream.stop();
  const { token } = await server.issue();
  assert.ok((await chat(server, token)).status >= 500);
  await eventually(async () => (await state('OpenCatNoUpstream')).state !== 'inactive', 'an alert', 20_000);
  await stop();
  await eventually(async () => (await state('OpenCatDown')).state !== 'inactive', 'an alert', 20_000);
});

// What a server would have said, a minute a step, and the alert that must come of it after an hour.
const count = 'http_server_request_duration_seconds_count';
const answers = 'gen_ai_server_request_duration_seconds_count{error_type="",gen_ai_request_model="m"}';
const tokens = 'gen_ai_client_token_usage_sum{gen_ai_token_type="input",gen_ai_request_model="m"}';
const buckets = (name, labels = '') => [
  [`${name}_bucket{instance="a",le="0.1"${labels}}`, '0+1x90'],
  [`${name}_bucket{instance="a",le="10"${labels}}`, '0+90x90'],
  [`${name}_bucket{instance="a",le="+Inf"${labels}}`, '0+90x90'],
];
const TROUBLE = {
  OpenCatDown: [['up{job="opencat",instance="a"}', '0x90']],
  OpenCatNoUpstream: [['opencat_upstream_healthy{instance="a",upstream="x"}', '0x90']],
  OpenCatUpstreamDown: [['opencat_upstream_healthy{instance="a",upstream="x"}', '0x90']],
  OpenCatErrors: [
    [`${count}{instance="a",http_response_status_code="200"}`, '0+90x90'],
    [`${count}{instance="a",http_response_status_code="502"}`, '0+10x90'],
  ],
  OpenCatSlowFirstToken: buckets('gen_ai_server_time_to_first_token_seconds', ',gen_ai_request_model="m"'),
  OpenCatSlowCommits: buckets('opencat_store_commit_duration_seconds'),
  OpenCatConnectionsNearLimit: [
    ['opencat_connections_open{instance="a"}', '81x90'],
    ['opencat_connections_limit{instance="a"}', '100x90'],
  ],
  OpenCatFilesNearLimit: [
    ['process_open_fds{job="opencat",instance="a"}', '81x90'],
    ['process_max_fds{job="opencat",instance="a"}', '100x90'],
  ],
  OpenCatRestarts: [['process_start_time_seconds{job="opencat",instance="a"}', '0+60x90']],
  OpenCatAccessLogDrops: [['opencat_access_log_dropped_total{instance="a"}', '0+1x90']],
  OpenCatManyAnswers: [[answers, '0+1000x90']],
  OpenCatManyTokens: [[tokens, '0+2000000x90']],
};
/** The same server when all is well. */
const WELL = [
  ['up{job="opencat",instance="a"}', '1x90'],
  ['opencat_upstream_healthy{instance="a",upstream="x"}', '1x90'],
  [`${count}{instance="a",http_response_status_code="200"}`, '0+90x90'],
  [`${count}{instance="a",http_response_status_code="502"}`, '0+1x90'],
  ['opencat_connections_open{instance="a"}', '10x90'],
  ['opencat_connections_limit{instance="a"}', '100x90'],
  ['process_start_time_seconds{job="opencat",instance="a"}', '1x90'],
  ['opencat_access_log_dropped_total{instance="a"}', '0x90'],
  [answers, '0+1x90'],
  [tokens, '0+1000x90'],
];

test('each alert fires in the trouble it is for, and none while all is well', async (t) => {
  assert.deepEqual(Object.keys(TROUBLE).sort(), [...alertNames].sort(), 'a case for each alert');
  const folder = await newFolder();
  t.after(() => rm(folder, { recursive: true }));
  /** The names of the alerts of these that fire after an hour, as promtool found them. */
  const firing = async (series) => {
    const test = {
      rule_files: [rulesFile],
      tests: [
        {
          interval: '1m',
          input_series: series.map(([name, values]) => ({ series: name, values })),
          promql_expr_test: [
            { expr: 'count by (alertname) (ALERTS{alertstate="firing"})', eval_time: '1h', exp_samples: [] },
          ],
        },
      ],
    };
    const file = join(folder, 'test.json');
    await writeFile(file, JSON.stringify(test));
    try {
      execFileSync('promtool', ['test', 'rules', file], { encoding: 'utf8', stdio: 'pipe' });
      return [];
    } catch (error) {
      const said = `${error.stdout}${error.stderr}`;
      assert.match(said, /got:/, said);
      return [...said.matchAll(/alertname="(\w+)"/g)].map(([, name]) => name);
    }
  };
  assert.deepEqual(await firing(WELL), []);
  for (const [name, series] of Object.entries(TROUBLE))
    assert.ok((await firing(series)).includes(name), name);
});
