// SPDX-License-Identifier: MIT
// Markdown to DOM nodes, from the tokens of marked's lexer. Raw HTML is shown as text, links lead only
// to http, https and mailto, images come only from this server or from data in the answer itself.
import { Lexer } from 'marked';
import { el } from './dom.js';

// CommonMark closes no emphasis between Chinese punctuation and a letter: `**注意：**请` would keep its
// asterisks. Bold text without anything special inside is unambiguous, so it is taken as it is meant.
function plainBold(source) {
  const match = /^\*\*(?![\s*])([^*`\n\\[\]<]+)(?<!\s)\*\*(?!\*)/.exec(source);
  if (!match) return undefined;
  return { type: 'strong', raw: match[0], text: match[1], tokens: this.lexer.inlineTokens(match[1]) };
}
// The lexer alone: marked's own way of adding extensions would bring its HTML renderer along.
const extensions = { inline: [plainBold], startInline: [(source) => source.indexOf('**')] };

/** The blocks of a Markdown text, as marked's tokens. */
export const lex = (source) => new Lexer({ gfm: true, breaks: true, extensions }).lex(source);

/**
 * How much of a growing text is settled: the length of its blocks but for the last two. The last may
 * still grow; the one before may still merge with it (a list, when "2" turns out to be "2. …").
 */
export function settledLength(tokens) {
  const solid = tokens.filter(({ type }) => type !== 'space');
  if (solid.length < 3) return 0;
  const firstOpen = tokens.indexOf(solid.at(-2));
  return tokens.slice(0, firstOpen).reduce((length, { raw }) => length + raw.length, 0);
}

/** Shows a text that only grows in `root`; settled blocks are neither parsed nor touched again. */
export function createMarkdownView(root) {
  let settled = 0;
  let open = []; // nodes of the blocks that are not settled

  return (text) => {
    const source = text.replace(/\r\n?/g, '\n').slice(settled);
    let blocks = [];
    let length = 0;
    try {
      const tokens = lex(source);
      length = settledLength(tokens);
      let end = 0;
      for (const token of tokens) {
        end += token.raw.length;
        blocks.push({ node: block(token), settled: end <= length });
      }
    } catch {
      // Nested too deep for the parser's stack: the plain text is better than nothing.
      blocks = [{ node: el('p', { className: 'plain', textContent: source }), settled: false }];
    }
    open.forEach((node) => node.remove());
    blocks = blocks.filter(({ node }) => node);
    root.append(...blocks.map(({ node }) => node));
    open = blocks.filter((made) => !made.settled).map(({ node }) => node);
    settled += length;
  };
}

const all = (tokens, make) => (tokens ?? []).map(make).filter(Boolean);

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
      return codeBlock(token);
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

function codeBlock({ text, lang }) {
  const language = (lang ?? '').split(/\s/)[0];
  const caption = language ? el('figcaption', { textContent: language }) : null;
  // Focusable, so that a wide block can be scrolled with the keyboard.
  return el(
    'figure',
    { className: 'code' },
    caption,
    el('pre', { tabIndex: 0 }, el('code', { textContent: text })),
  );
}

function list({ ordered, start, items }) {
  const made = items.map((item) =>
    el('li', { className: item.task ? 'task' : '' }, ...all(item.tokens, block)),
  );
  return ordered ? el('ol', { start: Number(start) || 0 }, ...made) : el('ul', {}, ...made);
}

const checkbox = ({ checked }) =>
  el('span', {
    className: 'box',
    role: 'img',
    'aria-label': checked ? '✓' : '☐',
    textContent: checked ? '☑' : '☐',
  });

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
