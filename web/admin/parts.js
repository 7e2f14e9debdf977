// SPDX-License-Identifier: MIT
// Small things that several views are made of.
import { el } from '../common/dom.js';

const svgSpace = 'http://www.w3.org/2000/svg';

// Each drawn in a square of 24 units.
const icons = {
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  disable: 'M9 6v12M15 6v12',
  enable: 'M8 5.5v13l10-6.5z',
  delete: 'M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 10.5v6M13.5 10.5v6',
  restore: 'M4.5 10h10a5 5 0 0 1 0 10H9M4.5 10l4-4M4.5 10l4 4',
  usage: 'M5 20v-7M12 20V5M19 20v-10',
  copy: 'M9 9h10v11H9zM6 15H5V4h10v2',
  qr: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2',
  add: 'M12 5v14M5 12h14',
  save: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  previous: 'm14.5 6-6 6 6 6',
  next: 'm9.5 6 6 6-6 6',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20',
  auto: 'M4 5h16v11H4zM9 20h6M12 16v4',
  light:
    'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1',
  dark: 'M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z',
  up: 'm7 14 5-5 5 5',
  down: 'm7 10 5 5 5-5',
};

export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const icon = (name) =>
  svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: icons[name] }));

/** A button with an icon and, unless `bare`, its words; bare ones carry them as their name. */
export function button(words, { image, bare = false, className = 'small', name = words, ...props } = {}) {
  const label = bare || name !== words ? { 'aria-label': name } : {};
  const node = el('button', { type: 'button', className, ...label, ...props });
  if (bare) node.title = words;
  if (image) node.append(icon(image));
  if (!bare) node.append(words);
  return node;
}

/** A labelled field: {node, input, say(problem)}; the problem is read with the field. */
export function field(words, input, { hint } = {}) {
  const id = `field-${(fieldCount += 1)}`;
  input.id = id;
  const problem = el('p', { className: 'problem', id: `${id}-problem`, hidden: true });
  const described = [problem.id];
  const node = el('div', { className: 'labelled' }, el('label', { htmlFor: id }, words), input);
  if (hint) {
    node.append(el('p', { className: 'hint', id: `${id}-hint` }, hint));
    described.push(`${id}-hint`);
  }
  node.append(problem);
  input.setAttribute('aria-describedby', described.join(' '));
  return {
    node,
    input,
    say(text) {
      problem.textContent = text;
      problem.hidden = text === '';
      input.setAttribute('aria-invalid', String(text !== ''));
      if (text !== '') input.focus();
    },
  };
}
let fieldCount = 0;

/** A set of choices of which one holds; `onChoice(value)` hears of a press. {node, choose(value)} */
export function choices(name, options, onChoice) {
  const buttons = options.map(([value, words]) =>
    el('button', { type: 'button', value, onclick: () => onChoice(value) }, words),
  );
  const node = el('div', { className: 'choices', role: 'group', 'aria-label': name }, ...buttons);
  return {
    node,
    choose(value) {
      for (const each of buttons) each.setAttribute('aria-pressed', String(each.value === value));
    },
    /** A figure behind an option's words. */
    count(value, text) {
      const each = buttons.find((one) => one.value === value);
      each.querySelector('.count')?.remove();
      if (text !== '') each.append(el('span', { className: 'count' }, ` ${text}`));
    },
  };
}

/** Has the browser save `blob` under a name. */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has begun to read it by then; kept, it would hold the memory until the page goes.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** What an operator calls a token. */
export const nameOf = (token) => token.label || token.id;
