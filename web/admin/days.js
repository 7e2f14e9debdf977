// SPDX-License-Identifier: MIT
// Usage as a row of days without gaps.

export const day_s = 86_400;
const seconds = (date) => Date.parse(`${date}T00:00:00Z`) / 1000;

/** Every day from the first to the last, with the sums of those that have any. */
export function everyDay(rows, from, to) {
  const known = new Map();
  // A rolled-up month, "2026-01", counts as its first day.
  for (const row of rows) {
    const date = row.date.length === 7 ? `${row.date}-01` : row.date;
    known.set(date, [...(known.get(date) ?? []), row]);
  }
  const days = [];
  for (let at = seconds(from); at <= seconds(to); at += day_s) {
    const date = new Date(at * 1000).toISOString().slice(0, 10);
    const of = (name) => (known.get(date) ?? []).reduce((sum, row) => sum + row[name], 0);
    const [requests, prompt, completion] = ['requests', 'prompt_tokens', 'completion_tokens'].map(of);
    days.push({ date, at, requests, prompt, completion });
  }
  return days;
}
