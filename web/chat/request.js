// SPDX-License-Identifier: MIT
// A branch of a conversation as the messages of OpenAI's chat completions.

/**
 * `files`: a Map from a file's id to its record. Answers without a word say nothing and are left out. `last`,
 * if given, is a sentence of the user's that only the model sees.
 */
export function forModel(messages, { system = '', files = new Map(), last = '' } = {}) {
  const said = messages
    .filter((message) => message.content || message.files?.length)
    .map((message) => ({ role: message.role, content: contentOf(message, files) }));
  return [
    ...(system.trim() ? [{ role: 'system', content: system }] : []),
    ...said,
    ...(last ? [{ role: 'user', content: last }] : []),
  ];
}

function contentOf(message, files) {
  const records = (message.files ?? []).map(({ id }) => files.get(id)).filter(Boolean);
  if (records.length === 0) return message.content;
  const parts = records.map((file) =>
    file.kind === 'image'
      ? { type: 'image_url', image_url: { url: file.data } }
      : { type: 'text', text: `${file.name}:\n\n${fenced(file.data)}` },
  );
  return message.content ? [...parts, { type: 'text', text: message.content }] : parts;
}

/** A text between fences longer than any in it. */
function fenced(text) {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}
