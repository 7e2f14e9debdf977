// SPDX-License-Identifier: MIT
// What the benchmark's model says and the history it reads: prose, lists, tables, code and formulas, as models write.

const section = (n) => `## Part ${n}

Here is a paragraph with **bold**, *italic*, \`code\` and a [link](https://example.com/${n}). It goes on for a while,
as answers do, so that lines wrap and the layout has something to do. 中文也一样：**注意：**请先保存。

1. First of all, a list with \`items\`
2. and another one, which has **more** words
   - and one inside
   - and another

| what | value | unit |
|---|--:|---|
| speed | ${n * 7} | km/h |
| mass | ${n * 3} | kg |

\`\`\`python
def part_${n}(values):
    """Sums what is given."""
    total = 0
    for value in values:
        total += value * ${n}  # a comment
    return {"part": ${n}, "total": total}
\`\`\`

So $E_${n} = m c^2$, and

$$
\\sum_{i=1}^{${n}} i = \\frac{${n}(${n}+1)}{2}
$$

> A quote that ends the part.

`;

/** An answer of `length` characters. */
export function longAnswer(length) {
  let text = '';
  for (let n = 1; text.length < length; n += 1) text += section(n);
  return text.slice(0, length);
}

/** An export of `conversations` with `messages` each, as the page's import reads it. */
export function exported(conversations, messages) {
  const list = Array.from({ length: conversations }, (_, c) => ({
    conversation: { title: `Talk ${c}`, head: `m${messages - 1}`, created: c + 1, updated: c + 1 },
    messages: Array.from({ length: messages }, (__, m) => ({
      id: `m${m}`,
      parent: m === 0 ? null : `m${m - 1}`,
      role: m % 2 === 0 ? 'user' : 'assistant',
      content:
        m % 2 === 0
          ? `Question ${m} of talk ${c}: what about part ${m}?`
          : section(m).slice(0, 500 + (m % 400)),
    })),
    files: [],
  }));
  return JSON.stringify({ format: 'opencat-chat', version: 1, conversations: list });
}
