// SPDX-License-Identifier: MIT
// What is left today and this month: a quiet line that speaks up when it runs low, and the figures in the
// settings. The status knows both limits; an answer's headers know the narrower one, and sooner.
import { byId } from '../common/dom.js';
import { quotaLine } from './explain.js';

export function createQuota({ t }) {
  let quota = null;

  function draw() {
    const line = quotaLine(quota, t);
    const shown = byId('quota');
    shown.hidden = !line;
    shown.textContent = line?.text ?? '';
    shown.title = line?.both ?? '';
    shown.classList.toggle('low', Boolean(line?.low));
    byId('quota-all').textContent = line?.both ?? '';
    byId('quota-part').hidden = !line;
  }

  return {
    draw,
    set(value) {
      quota = value ?? null;
      draw();
    },
    /** `headers` of an answer: {limit, remaining}, of whichever limit binds first. */
    tell({ limit, remaining }) {
      if (!quota) return;
      const day = limit === quota.daily_limit && limit !== quota.monthly_limit;
      const month = limit === quota.monthly_limit && limit !== quota.daily_limit;
      if (day) quota = { ...quota, daily_remaining: Math.min(remaining, quota.daily_remaining) };
      if (month) quota = { ...quota, monthly_remaining: Math.min(remaining, quota.monthly_remaining) };
      if (day || month) draw();
    },
  };
}
