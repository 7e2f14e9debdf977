// SPDX-License-Identifier: MIT
// Markdown to tokens: marked's lexer, with the bold of Chinese texts and with formulas.
import { Lexer } from 'marked';

// CommonMark closes no emphasis between Chinese punctuation and a letter: `**注意：**请` would keep its
// asterisks. Bold text without anything special inside is unambiguous, so it is taken as it is meant.
function plainBold(source) {
  const match = /^\*\*(?![\s*])([^*`\n\\[\]<]+)(?<!\s)\*\*(?!\*)/.exec(source);
  if (!match) return undefined;
  return { type: 'strong', raw: match[0], text: match[1], tokens: this.lexer.inlineTokens(match[1]) };
}

// $$ … $$ and \[ … \] on lines of their own. TeX allows no empty line inside, and neither does this: so no
// half formula of a growing text is taken for settled.
const blocks = [
  /^\$\$((?:(?!\n[ \t]*\n)[\s\S])+?)\$\$[ \t]*(?:\n+|$)/,
  /^\\\[((?:(?!\n[ \t]*\n)[\s\S])+?)\\\][ \t]*(?:\n+|$)/,
];
// $x$ has no space inside its dollars and no digit behind: "$5 and $10" are prices.
const inlines = [
  [/^\$\$([^$\n]+?)\$\$/, true],
  [/^\$(?![\s$])((?:\\.|[^\\$\n])+?)(?<!\s)\$(?![\d$])/, false],
  [/^\\\(([^\n]+?)\\\)/, false],
  [/^\\\[([^\n]+?)\\\]/, true],
];

function blockMath(source) {
  for (const pattern of blocks) {
    const match = pattern.exec(source);
    if (match?.[1].trim()) return { type: 'math', raw: match[0], text: match[1].trim(), display: true };
  }
  return undefined;
}

function inlineMath(source) {
  for (const [pattern, display] of inlines) {
    const match = pattern.exec(source);
    if (match?.[1].trim()) return { type: 'math', raw: match[0], text: match[1].trim(), display };
  }
  return undefined;
}

const startOf = (pattern) => (source) => {
  const at = source.search(pattern);
  return at < 0 ? undefined : at;
};

// The lexer alone: marked's own way of adding extensions would bring its HTML renderer along.
const extensions = {
  inline: [plainBold, inlineMath],
  startInline: [startOf(/\*\*/), startOf(/\$|\\[([]/)],
  block: [blockMath],
  startBlock: [startOf(/(?<=\n)(?:\$\$|\\\[)/)],
};

/** The blocks of a Markdown text, as marked's tokens, and {type: 'math', text, display} for formulas. */
export const lex = (source) => new Lexer({ gfm: true, breaks: true, extensions }).lex(source);
