// SPDX-License-Identifier: MIT
// Conversations as files: JSON, which can be read in again, and Markdown for people.
import { newId } from './ids.js';

const format = 'opencat-chat';
const version = 1;

/** `parts`: [{conversation, messages, files}], as the history gives them. */
export const toJson = (parts, now = new Date()) =>
  JSON.stringify({ format, version, exported: now.toISOString(), conversations: parts }, null, 1);

/**
 * The parts of a file that toJson made, under new ids, so that nothing there is overwritten. Throws an Error
 * when it is something else. The file is from outside: only what is known is taken, in its own type.
 */
export function fromJson(text) {
  let document = null;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
  if (document?.format !== format || !Array.isArray(document.conversations))
    throw new Error('another format');
  if (!(document.version <= version)) throw new Error('a newer version');
  return document.conversations.map(partOf).filter(({ messages }) => messages.length > 0);
}

function partOf(part) {
  const from = part?.conversation ?? {};
  const id = newId();
  const list = (value) => (Array.isArray(value) ? value : []);
  const sound = list(part?.messages).filter(
    (message) =>
      typeof message?.id === 'string' &&
      /^(user|assistant)$/.test(message.role) &&
      typeof message.content === 'string',
  );
  const kept = list(part?.files).filter(isFile);
  const ids = new Map([...sound, ...kept].map((record) => [record.id, newId()]));
  const messages = sound.map((message) => messageOf(message, id, ids));
  const files = kept.map((file) => ({
    ...fileOf(file),
    data: file.data,
    conversation: id,
    id: ids.get(file.id),
  }));
  const conversation = {
    id,
    title: string(from.title) ?? '',
    named: from.named === true,
    pinned: from.pinned === true,
    created: number(from.created) ?? Date.now(),
    updated: number(from.updated) ?? Date.now(),
    head: ids.get(from.head) ?? messages.at(-1)?.id ?? null,
    model: string(from.model),
    system: string(from.system),
    temperature: number(from.temperature),
  };
  return { conversation, messages, files };
}

function messageOf(message, conversation, ids) {
  const { role, content, state } = message;
  const files = (Array.isArray(message.files) ? message.files : []).filter(
    (file) => typeof file?.id === 'string' && ids.has(file.id),
  );
  return {
    id: ids.get(message.id),
    conversation,
    parent: ids.get(message.parent) ?? null,
    role,
    content,
    ...(string(message.reasoning) && { reasoning: message.reasoning }),
    ...(string(message.model) && { model: message.model }),
    ...(['stopped', 'broken', 'length', 'empty'].includes(state) && { state }),
    ...(state === 'writing' && { state: 'broken' }),
    ...(files.length > 0 && { files: files.map((file) => ({ ...fileOf(file), id: ids.get(file.id) })) }),
  };
}

const string = (value) => (typeof value === 'string' ? value : undefined);
const number = (value) => (Number.isFinite(value) ? value : undefined);
const isFile = (file) =>
  typeof file?.id === 'string' &&
  typeof file.data === 'string' &&
  (file.kind === 'text' ||
    (file.kind === 'image' && /^data:image\/(png|jpeg|gif|webp);base64,/.test(file.data)));
const fileOf = ({ kind, name, size }) => ({
  kind: kind === 'image' ? 'image' : 'text',
  name: string(name) ?? '',
  size: number(size) ?? 0,
});

/** One conversation's shown branch, as a document; `t` gives the words for who spoke. */
export function toMarkdown({ title }, messages, t) {
  const parts = messages.map(({ role, content, files = [] }) => {
    const names = files.map(({ name }) => `> 📎 ${name}\n`).join('');
    return `## ${t(role === 'user' ? 'you' : 'answer')}\n\n${names && `${names}\n`}${content.trim()}\n`;
  });
  return `# ${title.replace(/\s+/g, ' ')}\n\n${parts.join('\n')}`;
}

/** A name for a file about `title`, for any file system. */
export function fileName(title, ending) {
  const plain = title
    .replace(/[\p{C}<>:"/\\|?*]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^[\s.]+|[\s.]+$/g, '');
  return `${[...plain].slice(0, 60).join('') || 'chat'}.${ending}`;
}
