// SPDX-License-Identifier: MIT
// Tokens of Markdown to DOM nodes. Raw HTML is shown as text, links lead only to http, https and mailto,
// images come only from this server or from data in the answer itself.
import { el } from './dom.js';

/** block(token): a node, or null. `make.code(token)` and `make.math(token)` make what is richer than this. */
export function createNodes(make = {}) {
  const code = make.code ?? plainCode;
  const math = make.math ?? plainMath;

  function block(token) {
    switch (token.type) {
      case 'space':
      case 'def':
        return null;
      case 'heading':
        return heading(token);
      case 'paragraph':
        return el('p', {}, ...all(token.tokens, inline));
      case 'text': // a list item's words
        return el('span', {}, ...(token.tokens ? all(token.tokens, inline) : [decode(token.text)]));
      case 'code':
        return code(token);
      case 'math':
        return math(token);
      case 'blockquote':
        return el('blockquote', {}, ...all(token.tokens, block));
      case 'hr':
        return el('hr');
      case 'list':
        return list(token);
      case 'table':
        return table(token);
      case 'checkbox':
        return checkbox(token);
      default: // html, and whatever a later marked may add: as it was written
        return el('p', { className: 'plain', textContent: token.raw.trimEnd() });
    }
  }

  // An answer stands below the page's h1 and its own h2. Models start at any depth: two levels keep the
  // outline without holes, and the class keeps the size.
  const heading = ({ depth, tokens }) =>
    el(depth < 4 ? 'h3' : 'h4', { className: `depth-${depth}` }, ...all(tokens, inline));

  const item = ({ task, tokens }) => el('li', { className: task ? 'task' : '' }, ...all(tokens, block));

  const list = ({ ordered, start, items }) =>
    ordered ? el('ol', { start: Number(start) || 0 }, ...items.map(item)) : el('ul', {}, ...items.map(item));

  function table({ header, rows }) {
    const cell = (tag) => (made) =>
      el(tag, { className: made.align ? `align-${made.align}` : '' }, ...all(made.tokens, inline));
    const head = el('thead', {}, el('tr', {}, ...header.map(cell('th'))));
    const body = el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map(cell('td')))));
    return el('div', { className: 'table', tabIndex: 0 }, el('table', {}, head, body));
  }

  function inline(token) {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return el(token.type, {}, ...all(token.tokens, inline));
      case 'codespan':
        return el('code', { textContent: token.text });
      case 'math':
        return math(token);
      case 'br':
        return el('br');
      case 'escape':
        return document.createTextNode(token.text);
      case 'link':
        return link(token);
      case 'image':
        return image(token);
      case 'checkbox':
        return checkbox(token);
      case 'text':
        return token.tokens
          ? el('span', {}, ...all(token.tokens, inline))
          : document.createTextNode(decode(token.text));
      default:
        return document.createTextNode(token.raw);
    }
  }

  function link({ href, title, tokens }) {
    const words = all(tokens, inline);
    const url = parse(decode(href), undefined);
    if (!url || !['http:', 'https:', 'mailto:'].includes(url.protocol)) return el('span', {}, ...words);
    const props = {
      href: url.href,
      target: '_blank',
      rel: 'noopener noreferrer',
      title: title ? decode(title) : '',
    };
    return el('a', props, ...words);
  }

  function image({ href, text, title }) {
    const alt = decode(text);
    const url = parse(decode(href), document.baseURI);
    const own = url?.origin === location.origin && /^https?:$/.test(url.protocol);
    if (own || /^data:image\//i.test(href) || url?.protocol === 'blob:') {
      return el('img', { src: url.href, alt, title: title ? decode(title) : '', loading: 'lazy' });
    }
    // An image elsewhere would tell its host who reads what; a link lets the user decide.
    return link({ href, title, tokens: [{ type: 'escape', text: alt || href }] });
  }

  return { block, item };
}

const all = (tokens, make) => (tokens ?? []).map(make).filter(Boolean);

const plainCode = ({ text }) =>
  el('figure', { className: 'code' }, el('pre', { tabIndex: 0 }, el('code', { textContent: text })));

const plainMath = ({ raw }) => document.createTextNode(raw.trim());

const checkbox = ({ checked }) =>
  el('span', {
    className: 'box',
    role: 'img',
    'aria-label': checked ? '✓' : '☐',
    textContent: checked ? '☑' : '☐',
  });

function parse(href, base) {
  try {
    return new URL(href, base);
  } catch {
    return null;
  }
}

const named = {
  __proto__: null,
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  hellip: '…',
  mdash: '—',
};

/** The character references that models write; any other stays as it is written. */
export function decode(text) {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name) return named[name] ?? whole;
    const point = hex ? parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
