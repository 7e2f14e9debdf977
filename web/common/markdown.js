// SPDX-License-Identifier: MIT
// A Markdown text that grows, shown: what is settled is neither parsed nor touched again, and of the rest only
// what has changed is made anew.
import { el } from './dom.js';
import { lex } from './lexer.js';
import { createNodes, decode } from './nodes.js';

export { decode, lex };

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

/**
 * Shows a text that only grows in `root`: show(text, whole), where whole says that it grows no more.
 * `make.code(token, closed)` and `make.math(token)` make the nodes of code and formulas; `make.grow(node,
 * token, closed)`, if given, lets a code block that has only grown go on, and says whether it could.
 */
export function createMarkdownView(root, make = {}) {
  let settled = 0;
  let lastSettled = null; // the node of the last settled block
  let open = []; // {token, node} of the blocks that are not settled
  const codeOf = make.code && ((token) => make.code(token, token.closed));
  const nodes = createNodes({ ...make, code: codeOf });

  function blockFor(token, before) {
    const same = before?.token.type === token.type;
    if (same && before.token.raw === token.raw && before.token.closed === token.closed) return before.node;
    if (same && token.type === 'code' && make.grow?.(before.node, token, token.closed)) return before.node;
    if (same && token.type === 'list' && growList(before, token)) return before.node;
    return nodes.block(token);
  }

  // A long list grows by its last item: those before it stay.
  function growList({ node, token: before }, token) {
    if (before.ordered !== token.ordered || before.start !== token.start || before.loose !== token.loose)
      return false;
    let same = 0;
    while (same < before.items.length && before.items[same].raw === token.items[same]?.raw) same += 1;
    while (node.children.length > same) node.lastElementChild.remove();
    node.append(...token.items.slice(same).map(nodes.item));
    return true;
  }

  return (text, whole = true) => {
    const source = text.replace(/\r\n?/g, '\n').slice(settled);
    let tokens = [];
    try {
      tokens = lex(source);
      tokens.forEach((token, at) => {
        if (token.type === 'code')
          token.closed = whole || at < tokens.length - 1 || /\n {0,3}(`{3,}|~{3,}) *$/.test(token.raw);
      });
      place(tokens, settledLength(tokens));
    } catch {
      // Nested too deep for the parser's stack: the plain text is better than nothing.
      open.forEach(({ node }) => node.remove());
      open = [
        { token: { type: 'plain', raw: source }, node: el('p', { className: 'plain', textContent: source }) },
      ];
      root.append(open[0].node);
    }
  };

  function place(tokens, length) {
    const shown = [];
    for (const token of tokens) {
      const node = blockFor(token, open[shown.length]);
      if (node) shown.push({ token, node });
    }
    const stays = new Set(shown.map(({ node }) => node));
    for (const { node } of open) if (!stays.has(node)) node.remove();
    let last = lastSettled;
    for (const { node } of shown) {
      const here = last ? last.nextSibling : root.firstChild;
      if (here !== node) root.insertBefore(node, here);
      last = node;
    }
    let end = 0;
    const ends = new Map(tokens.map((token) => [token, (end += token.raw.length)]));
    open = shown.filter(({ token }) => ends.get(token) > length);
    lastSettled = shown.at(-open.length - 1)?.node ?? lastSettled;
    settled += length;
  }
}
