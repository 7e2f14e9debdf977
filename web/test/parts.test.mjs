// SPDX-License-Identifier: MIT
// The chat page's pure parts: the tree of messages, files out and in, what a model is sent, the tab's own store.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDraft } from '../chat/draft.js';
import { fileName, fromJson, toJson, toMarkdown } from '../chat/exchange.js';
import { newId } from '../chat/ids.js';
import { createPreferences } from '../common/preferences.js';
import { forModel } from '../chat/request.js';
import { createTree } from '../chat/tree.js';
import { titleOf } from '../chat/conversation.js';
import { lex } from '../common/markdown.js';

const message = (id, parent, role = 'user', more = {}) => ({
  id,
  conversation: 'c',
  parent,
  role,
  content: `says ${id}`,
  ...more,
});

test('ids are unique and sort in the order they were made, even when the clock stands', () => {
  const made = Array.from({ length: 1000 }, () => newId(1_700_000_000_000));
  assert.equal(new Set(made).size, made.length);
  assert.deepEqual([...made].sort(), made);
});

test('a tree tells paths, siblings and where a branch ends', () => {
  const tree = createTree([
    message('a', null),
    message('d', 'a', 'assistant'),
    message('b', 'a', 'assistant'),
    message('c', 'b'),
    message('e', null),
  ]);
  assert.deepEqual(
    tree.path('c').map(({ id }) => id),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(tree.siblings(tree.get('d')), ['b', 'd']);
  assert.deepEqual(tree.siblings(tree.get('a')), ['a', 'e']);
  assert.equal(tree.leaf('a'), 'd');
  assert.equal(tree.leaf('b'), 'c');
  tree.remove('d');
  assert.deepEqual(tree.siblings(tree.get('b')), ['b']);
  assert.deepEqual(tree.path('nowhere'), []);
});

test('a loop, which only a broken file has, ends a path', () => {
  const tree = createTree([message('a', 'b'), message('b', 'a')]);
  assert.equal(tree.path('a').length, 2);
});

const picture = 'data:image/png;base64,AAAA';
const part = {
  conversation: {
    id: 'c',
    title: 'Cats',
    named: true,
    pinned: true,
    created: 1,
    updated: 2,
    head: 'm2',
    model: 'x',
    system: 's',
    temperature: 0.5,
  },
  messages: [
    message('m1', null, 'user', { files: [{ id: 'f', kind: 'image', name: 'cat.png', size: 3 }] }),
    message('m2', 'm1', 'assistant', { reasoning: 'hm', model: 'x', state: 'stopped' }),
  ],
  files: [{ id: 'f', conversation: 'c', kind: 'image', name: 'cat.png', size: 3, data: picture }],
};

test('what was exported comes in again, whole, under new ids', () => {
  const [read] = fromJson(toJson([part]));
  const { id } = read.conversation;
  assert.notEqual(id, 'c');
  assert.deepEqual({ ...read.conversation, id: 'c', head: 'm2' }, part.conversation);
  const tree = createTree(read.messages);
  const path = tree.path(read.conversation.head);
  assert.deepEqual(
    path.map(({ content, conversation }) => [content, conversation]),
    [
      ['says m1', id],
      ['says m2', id],
    ],
  );
  assert.deepEqual([path[1].reasoning, path[1].model, path[1].state], ['hm', 'x', 'stopped']);
  assert.equal(path[0].files[0].id, read.files[0].id);
  assert.equal(read.files[0].data, picture);
});

test('a file that was not exported here is refused, and one that was tampered with brings in nothing foreign', () => {
  for (const text of [
    '',
    '[]',
    'null',
    '{"format":"other"}',
    '{"format":"opencat-chat","version":2,"conversations":[]}',
  ]) {
    assert.throws(() => fromJson(text), undefined, text);
  }
  const bad = structuredClone(part);
  bad.messages.push(
    { id: 7, role: 'user', content: 'x' },
    message('x', null, 'system'),
    { ...message('y', null), content: {} },
    null,
  );
  bad.messages[0].evil = '<script>';
  bad.conversation.title = { toString: 'x' };
  bad.conversation.temperature = 'hot';
  bad.files[0].data = 'https://evil.invalid/pixel.png';
  const [read] = fromJson(toJson([bad, {}, null]));
  assert.equal(read.messages.length, 2);
  assert.equal('evil' in read.messages[0], false);
  assert.equal(read.conversation.title, '');
  assert.equal(read.conversation.temperature, undefined);
  assert.deepEqual(read.files, []);
  assert.equal(read.messages[0].files, undefined);
});

test('Markdown for people has who spoke, what, and the names of files', () => {
  const text = toMarkdown(part.conversation, part.messages, (key) => ({ you: 'You', answer: 'Answer' })[key]);
  assert.equal(text, '# Cats\n\n## You\n\n> 📎 cat.png\n\nsays m1\n\n## Answer\n\nsays m2\n');
});

test('a title becomes a file name on any system', () => {
  assert.equal(fileName('a/b\\c:d*e?"<f>|g\n..', 'md'), 'a b c d e f g.md');
  assert.equal(fileName('...', 'json'), 'chat.json');
  assert.equal(fileName('猫'.repeat(100), 'md'), `${'猫'.repeat(60)}.md`);
});

test('a model is sent the branch with its files as content parts, the system prompt first', () => {
  const files = new Map([
    ['f', part.files[0]],
    ['g', { kind: 'text', name: 'a.md', data: '```js\n1\n```' }],
  ]);
  const asked = [
    message('m1', null, 'user', { files: [{ id: 'f' }, { id: 'g' }, { id: 'lost' }] }),
    message('m2', 'm1', 'assistant', { content: '' }),
    message('m3', 'm2'),
  ];
  assert.deepEqual(forModel(asked, { system: 'be kind', files, last: 'go on' }), [
    { role: 'system', content: 'be kind' },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: picture } },
        { type: 'text', text: 'a.md:\n\n````\n```js\n1\n```\n````' },
        { type: 'text', text: 'says m1' },
      ],
    },
    { role: 'user', content: 'says m3' },
    { role: 'user', content: 'go on' },
  ]);
  assert.deepEqual(forModel([message('a', null)], { system: ' ' }), [{ role: 'user', content: 'says a' }]);
});

function memoryStorage(start = {}) {
  const kept = new Map(Object.entries(start));
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
    kept,
  };
}

test('the messages of the page’s first version are taken out of the session once', () => {
  const old = {
    messages: [{ role: 'user', content: 'hi' }, { role: 'tool', content: 'x' }, null],
    draft: 'half',
  };
  const storage = memoryStorage({ k: JSON.stringify(old) });
  const draft = createDraft(storage, 'k');
  assert.deepEqual(draft.takeOldMessages(), [{ role: 'user', content: 'hi' }]);
  assert.deepEqual(createDraft(storage, 'k').takeOldMessages(), []);
  assert.equal(createDraft(storage, 'k').text, 'half');
  for (const broken of ['null', '{', '7'])
    assert.equal(createDraft(memoryStorage({ k: broken }), 'k').text, '');
});

test('the end of an answer that was being written is handed over once', () => {
  const storage = memoryStorage();
  createDraft(storage, 'k').keepTail([{ id: 'a', content: 'half', other: 1 }]);
  assert.deepEqual(createDraft(storage, 'k').takeTail(), [{ id: 'a', content: 'half' }]);
  assert.deepEqual(createDraft(storage, 'k').takeTail(), []);
});

test('language and theme are the browser’s until one is chosen', () => {
  const storage = memoryStorage();
  const chosen = createPreferences(storage, '/', 'zh-CN');
  assert.deepEqual([chosen.spoken, chosen.theme, chosen.model], ['zh', 'auto', 'auto']);
  chosen.set('language', 'en');
  chosen.set('theme', 'dark');
  assert.deepEqual([chosen.spoken, chosen.theme], ['en', 'dark']);
  chosen.set('language', 'auto');
  assert.equal(chosen.spoken, 'zh');
  storage.setItem('opencat.theme:/', 'javascript:');
  assert.equal(chosen.theme, 'auto');
});

test('a title is the beginning of what was asked, in one line', () => {
  assert.equal(titleOf('  why\n\ndo cats  purr? '), 'why do cats purr?');
  assert.equal(titleOf('字'.repeat(70)), `${'字'.repeat(60)}…`);
  assert.equal(titleOf('', [{ name: 'cat.png' }]), 'cat.png');
});

const formulas = (source) => {
  const found = [];
  const walk = (tokens) =>
    tokens?.forEach((token) => {
      if (token.type === 'math') found.push([token.text, token.display]);
      walk(token.tokens);
      token.items?.forEach(({ tokens: inner }) => walk(inner));
    });
  walk(lex(source));
  return found;
};

test('formulas are found in each of their forms, and lose no underscore to emphasis', () => {
  for (const [source, expected] of [
    ['so $a_1 + b_2$, and', [['a_1 + b_2', false]]],
    [
      'so \\(x_1\\) and \\[y_2\\]',
      [
        ['x_1', false],
        ['y_2', true],
      ],
    ],
    ['$$\n\\frac{1}{2}\n$$', [['\\frac{1}{2}', true]]],
    ['text\n\\[\na\\\\\nb\n\\]\nmore', [['a\\\\\nb', true]]],
    [
      '- item $x$\n\n  $$y$$',
      [
        ['x', false],
        ['y', true],
      ],
    ],
    ['中文$E=mc^2$。', [['E=mc^2', false]]],
  ]) {
    assert.deepEqual(formulas(source), expected, source);
  }
});

test('prices, shell variables and code are no formulas', () => {
  for (const source of [
    '$5 and $10',
    'from $5-$10',
    '`$a$`',
    '```sh\n$a$\n```',
    '$ x $',
    'US$ 5, HK$ 6',
    '\\$a\\$',
    '$$\n\n$$',
  ]) {
    assert.deepEqual(formulas(source), [], source);
  }
});
