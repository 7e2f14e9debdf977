// SPDX-License-Identifier: MIT
// The parts that need no page; tests/browser looks at the nodes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, lex, settledLength } from '../common/markdown.js';

const strong = (source) => {
  const [{ tokens }] = lex(source);
  return tokens.filter(({ type }) => type === 'strong').map(({ text }) => text);
};

test('bold beside Chinese punctuation is bold', () => {
  assert.deepEqual(strong('**注意：**请先保存'), ['注意：']);
  assert.deepEqual(strong('请看**“这里”**吧'), ['“这里”']);
});

test('other asterisks mean what CommonMark says', () => {
  assert.deepEqual(strong('a **b** c **d *e* f**'), ['b', 'd *e* f']);
  for (const plain of ['2 ** 3 ** 4', '\\*\\*a\\*\\*', '`**a**`', '** a**'])
    assert.deepEqual(strong(plain), [], plain);
});

// Blocks that only the next line decides about: setext headings, tables, lists that go on, fences.
const answer = `Intro
===

1. one
   more

2. two
- other

text
\`\`\`js
const a = 1;

// not a heading
# nor this
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quote
goes on

last & least`;

test('settled blocks, lexed piece by piece, are those of the whole text', () => {
  const expected = lex(answer).map(({ raw }) => raw);
  assert.equal(expected.join(''), answer);
  let settled = 0;
  const blocks = [];
  for (let end = 1; end <= answer.length; end += 1) {
    const tokens = lex(answer.slice(settled, end));
    const length = settledLength(tokens);
    for (let taken = 0; taken < length;) {
      const { raw } = tokens.shift();
      blocks.push(raw);
      taken += raw.length;
    }
    settled += length;
    if (end === answer.length) blocks.push(...tokens.map(({ raw }) => raw));
  }
  assert.deepEqual(blocks, expected);
  assert.ok(settled > answer.length / 2, 'most of the text is settled before its end');
});

test('character references are read once, and only known ones', () => {
  assert.equal(decode('a &amp; b &lt;c&gt; &#39;&#x4F60; &amp;lt;'), "a & b <c> '你 &lt;");
  assert.equal(
    decode('&unknown; &constructor; &#0; &#x110000; & ;'),
    '&unknown; &constructor; &#0; &#x110000; & ;',
  );
});
