// SPDX-License-Identifier: MIT
// Bars by day, drawn by uPlot. What they show is in a table, too, so a chart is one picture for a screen reader.
import { el } from '../common/dom.js';
import { day_s } from './days.js';

const height = 180;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * A chart of `days` by `UPlot`, the library. `parts`: [{name, colour (a CSS variable), value(day)}], stacked in this order. Returns {node, draw(),
 * end()}; draw() when it is in the page, and again when the colours changed.
 */
export function createDayChart({ t, format }, UPlot, { title, days, parts }) {
  const place = el('div', { className: 'plot' });
  const tip = el('div', { className: 'tip', hidden: true });
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', t('chartOf', { title }));
  const keys = parts.map((part) => {
    const mark = el('i', {});
    mark.style.background = `var(${part.colour})`;
    return el('li', {}, mark, part.name);
  });
  const legend = el('ul', { className: 'legend' }, ...(parts.length > 1 ? keys : []));
  const node = el('figure', { className: 'chart' }, el('figcaption', {}, title), legend, place);
  let plot = null;
  let watching = null;

  // The whole is drawn first, and each shorter sum over it.
  const sums = parts.map((_, i) =>
    days.map((day) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.value(day), 0)),
  );
  const data = [days.map(({ at }) => at), ...[...sums].reverse()];

  function tell(u) {
    const { idx, left } = u.cursor;
    tip.hidden = idx === null || idx === undefined || left < 0;
    if (tip.hidden) return;
    const lines = parts.map((part) => el('span', {}, `${part.name} ${format.number(part.value(days[idx]))}`));
    tip.replaceChildren(el('b', {}, format.day(days[idx].date)), ...lines);
    const x = u.valToPos(days[idx].at, 'x') + u.over.offsetLeft;
    const room = place.clientWidth - tip.offsetWidth;
    tip.style.insetInlineStart = `${Math.max(0, Math.min(room, x - tip.offsetWidth / 2))}px`;
  }

  function options(width) {
    const axis = { stroke: colour('--soft'), font: '12px system-ui, sans-serif' };
    const line = { stroke: colour('--line'), width: 1 };
    const bars = UPlot.paths.bars({ size: [0.7, 40], radius: 0.15 });
    const date = (at) => new Date(at * 1000).toISOString().slice(0, 10);
    return {
      width,
      height,
      padding: [8, 24, 0, 0],
      tzDate: (at) => UPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: () => [days[0].at - day_s / 2, days.at(-1).at + day_s / 2] },
        y: { range: (_, low, high) => [0, Math.max(5, high * 1.1)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          ticks: { show: false },
          space: 72,
          size: 28,
          incrs: [1, 2, 7, 14, 30, 60, 90, 180].map((n) => n * day_s),
          values: (_, splits) => splits.map((at) => format.shortDay(date(at))),
        },
        {
          ...axis,
          grid: line,
          ticks: { show: false },
          size: 52,
          incrs: [1, 2, 5]
            .flatMap((n) => Array.from({ length: 13 }, (_, p) => n * 10 ** p))
            .sort((a, b) => a - b),
          values: (_, splits) => splits.map((value) => format.short(value)),
        },
      ],
      series: [
        {},
        ...[...parts].reverse().map((part) => ({
          label: part.name,
          fill: colour(part.colour),
          width: 0,
          paths: bars,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [tell] },
    };
  }

  function draw() {
    end();
    plot = new UPlot(options(Math.max(200, place.clientWidth)), data, place);
    place.append(tip);
    watching = new ResizeObserver(() => {
      if (place.clientWidth > 0 && place.clientWidth !== plot.width)
        plot.setSize({ width: place.clientWidth, height });
    });
    watching.observe(place);
  }

  function end() {
    watching?.disconnect();
    plot?.destroy();
    plot = null;
  }

  return { node, draw, end };
}
