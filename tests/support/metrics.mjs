// SPDX-License-Identifier: MIT
// Reads Prometheus's text format, strictly: what it does not know fails the test.
import assert from 'node:assert/strict';

/** {types: {name: type}, value(name, labels): the sum of the series that have these labels, series: [{name, labels, value}]} */
export function parseMetrics(text) {
  const types = {};
  const helped = new Set();
  const series = [];
  assert.ok(text.endsWith('\n'));
  let current = '';
  for (const line of text.trimEnd().split('\n')) {
    const meta = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line);
    if (meta) {
      const [, kind, name, rest] = meta;
      if (kind === 'HELP') helped.add(name);
      else {
        assert.ok(!(name in types), `${name} stands twice`);
        assert.match(rest, /^(counter|gauge|histogram)$/);
        types[name] = rest;
        current = name;
      }
      continue;
    }
    const sample = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(sample, `this is no sample: ${line}`);
    const [, name, labelText = '', value] = sample;
    const labels = {};
    const rest = labelText.replace(
      /([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/g,
      (_, label, text) => ((labels[label] = text), ''),
    );
    assert.equal(rest, '', line);
    const base = types[current] === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
    assert.equal(base, current, `${name} stands below ${current}`);
    assert.ok(helped.has(base), `${base} has no help`);
    assert.ok(value === '+Inf' || Number.isFinite(Number(value)), line);
    series.push({ name, labels, value: Number(value.replace('+Inf', 'Infinity')) });
  }
  const matching = (name, wanted) =>
    series.filter(
      (one) =>
        one.name === name && Object.entries(wanted).every(([label, text]) => one.labels[label] === text),
    );
  const value = (name, labels = {}) => matching(name, labels).reduce((sum, one) => sum + one.value, 0);
  checkHistograms(types, series);
  return { types, series, value };
}

/** Buckets ascend and end in +Inf with the count. */
function checkHistograms(types, series) {
  for (const [name] of Object.entries(types).filter(([, type]) => type === 'histogram')) {
    const groups = {};
    for (const one of series.filter((each) => each.name === `${name}_bucket`)) {
      const { le, ...own } = one.labels;
      (groups[JSON.stringify(own)] ??= []).push([Number(le.replace('+Inf', 'Infinity')), one.value]);
    }
    for (const [own, buckets] of Object.entries(groups)) {
      for (let i = 1; i < buckets.length; ++i) {
        assert.ok(buckets[i][0] > buckets[i - 1][0] && buckets[i][1] >= buckets[i - 1][1], `${name}${own}`);
      }
      assert.equal(buckets.at(-1)[0], Infinity);
      const count = series.find((one) => one.name === `${name}_count` && JSON.stringify(one.labels) === own);
      assert.equal(count.value, buckets.at(-1)[1]);
    }
  }
}
