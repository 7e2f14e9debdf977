// SPDX-License-Identifier: MIT
// The conversation that is shown, and every answer that is being written: asked, streamed, stopped, failed,
// asked again, continued.
import { ApiError } from '../common/errors.js';
import { newId } from './ids.js';
import { forModel } from './request.js';

const saveEvery = 500; // milliseconds, while an answer is written
const sayEvery = 3000; // and even when nothing comes: other tabs are to know that it is alive

/**
 * on.ask() when a question goes out; on.failure(error, retry) when no answer came, and its question is back in the
 * field; on.settled(error) when an answer is there or, with its error, a failure; on.shown() when another one is shown.
 */
export function createConversation({ api, history, thread, composer, t, on }) {
  const running = new Map(); // a conversation's id → {controller, message, done}
  let current = null; // the conversation's record, or null before its first question
  let opened = null; // its {tree, files}
  let wishes = {}; // model, system and temperature for one that is not there yet
  let opening = 0;

  const isShown = (id) => current?.id === id;
  const path = () => (opened && current ? opened.tree.path(current.head) : []);

  function show(options) {
    composer.setBusy(running.has(current?.id));
    thread.show(path(), options);
    on.shown();
  }

  async function open(id, messageId = null) {
    const turn = (opening += 1);
    const found = await history.open(id);
    const record = history.get(id);
    if (turn !== opening || !record) return;
    if (messageId && found.tree.get(messageId)) {
      const shown = found.tree.path(record.head).some((message) => message.id === messageId);
      if (!shown) history.change(id, { head: found.tree.leaf(messageId) });
    }
    current = record;
    opened = found;
    show();
    if (messageId) thread.reveal(messageId);
  }

  function startNew() {
    opening += 1;
    wishes = {};
    current = opened = null;
    show();
  }

  async function ensure(text, files) {
    if (current) return;
    const title = titleOf(text, files);
    const record = history.create({ title, ...wishes });
    current = record;
    opened = await history.open(record.id);
    on.shown();
  }

  function newMessage(values) {
    return { id: newId(), conversation: current.id, parent: current.head, ...values };
  }

  async function send({ text, files = [] }, parent) {
    const before = current?.head ?? null;
    await ensure(text, files);
    const records = files.map((file) => ({ ...file, id: newId(), conversation: current.id }));
    const question = newMessage({ role: 'user', content: text, ...(parent !== undefined && { parent }) });
    if (files.length > 0)
      question.files = records.map(({ id, kind, name, size }) => ({ id, kind, name, size }));
    history.put(question, records);
    move(question.id);
    answer({ question, before, files });
  }

  /** Makes `head` the last message that is shown. */
  function move(head) {
    history.change(current.id, { head, updated: Date.now() });
  }

  /** Asks for an answer to the branch that is shown. `undo`: what to bring back should none come. */
  function answer(undo, last = '') {
    const message = newMessage({ role: 'assistant', content: '', state: 'writing' });
    const messages = forModel(path(), { system: current.system, files: opened.files, last });
    history.put(message);
    move(message.id);
    start(message, messages, (error) => takeBack(message, undo, error));
  }

  function start(message, messages, failed) {
    const controller = new AbortController();
    const record = current;
    let problem = null;
    const done = run(record, message, messages, controller.signal, (error) => {
      problem = error;
      return failed(error);
    }).finally(() => {
      running.delete(record.id);
      composer.setBusy(running.has(current?.id));
      on.settled(problem);
    });
    running.set(record.id, { controller, message, done });
    composer.setBusy(true);
    on.ask();
    thread.show(path());
    thread.announce(t('answering'));
  }

  async function run(record, message, messages, signal, failed) {
    const had = message.content.length;
    const heartbeat = setInterval(() => {
      history.put(message);
      history.saveSoon(0);
    }, sayEvery);
    const { model, temperature } = record;
    const error = await stream({ messages, model, temperature }, message, signal);
    clearInterval(heartbeat);
    const nothing = message.content.length === had && !message.reasoning;
    if (error && nothing) return failed(error);
    if (error) message.state = error.kind === 'stopped' ? 'stopped' : 'broken';
    else if (message.state === 'writing') {
      if (message.content) delete message.state;
      else message.state = 'empty';
    }
    settle(message);
    const words = [message.content, message.state && t(message.state)].filter(Boolean).join('\n');
    if (isShown(record.id)) thread.announce(words);
  }

  function settle(message) {
    history.put(message);
    history.save();
    thread.update(message);
  }

  async function stream(request, message, signal) {
    let end = 'writing';
    try {
      for await (const piece of api.chat(request, signal)) {
        if (piece.text) message.content += piece.text;
        if (piece.reasoning) message.reasoning = (message.reasoning ?? '') + piece.reasoning;
        if (piece.model) message.model = piece.model;
        if (piece.finish === 'length') end = 'length';
        history.put(message);
        history.saveSoon(saveEvery);
        thread.update(message);
      }
      message.state = end;
      return null;
    } catch (error) {
      if (error instanceof ApiError) return error;
      console.error(error); // a mistake of this page; the answer must not look whole for it
      return new ApiError('broken');
    }
  }

  function takeBack(message, { question, before, files, retry }, error) {
    const shown = isShown(message.conversation);
    thread.announce('');
    if (question && !shown) {
      // The reader is elsewhere, where this text would be in the way: it stays a question without an answer.
      message.state = error.kind === 'stopped' ? 'stopped' : 'broken';
      return settle(message);
    }
    history.removeMessage(message);
    if (question) history.removeMessage(question);
    history.change(message.conversation, { head: before });
    history.save();
    if (question) {
      composer.giveBack(question.content, files);
      if (opened.tree.size === 0) leaveEmpty();
    }
    if (shown) thread.show(path());
    if (shown && error.kind !== 'stopped') on.failure(error, question ? composer.send : retry);
  }

  /** A conversation whose only question came back was none. */
  function leaveEmpty() {
    const { id, model, system, temperature } = current;
    wishes = { model, system, temperature };
    history.discard(id);
    current = opened = null;
    on.shown();
  }

  /** Answers the same question again; the answer that is there stays beside it. */
  function again(message) {
    if (running.has(current.id)) return;
    const before = current.head;
    composer.focus(); // the button goes with the answer
    current.head = message.parent;
    answer({ before, retry: () => again(message) });
  }

  /** Has an answer that broke off go on where it did. */
  function goOn(message) {
    if (running.has(current.id)) return;
    const state = message.state;
    composer.focus();
    const asked = opened.tree.path(message.id);
    const messages = forModel(asked, { system: current.system, files: opened.files, last: t('goOnAsk') });
    message.state = 'writing';
    history.put(message);
    start(message, messages, (error) => {
      message.state = state;
      settle(message);
      if (isShown(message.conversation) && error.kind !== 'stopped') on.failure(error, () => goOn(message));
    });
  }

  /** Sends a question anew, in other words; the one that is there stays beside it. */
  function edit(message, text) {
    if (running.has(current.id)) return;
    const files = (message.files ?? []).map(({ id }) => opened.files.get(id)).filter(Boolean);
    const copies = files.map(({ kind, name, size, data }) => ({ kind, name, size, data }));
    send({ text, files: copies }, message.parent);
    composer.focus();
  }

  function branch(id, tool) {
    move(opened.tree.leaf(id));
    thread.show(path(), { end: false });
    thread.focusOn(id, tool);
  }

  return {
    open,
    startNew,
    send,
    again,
    goOn,
    edit,
    branch,
    path,
    get current() {
      return current;
    },
    /** What a question of this conversation is asked with. */
    get settings() {
      const { model, system, temperature } = current ?? wishes;
      return { model, system, temperature };
    },
    set settings(values) {
      if (current) history.change(current.id, values);
      else wishes = { ...wishes, ...values };
      on.shown();
    },
    siblings: (message) => opened?.tree.siblings(message) ?? [],
    fileOf: (_message, id) => opened?.files.get(id),
    /** Another tab has changed a conversation. */
    changedElsewhere(id) {
      if (!isShown(id)) return;
      const record = history.get(id);
      if (!record || record.removed) return startNew();
      current = record;
      const shown = path();
      thread.show(shown, { end: false });
      for (const message of shown.slice(-2)) thread.update(message);
      on.shown();
    },
    /** Ends a conversation's answer, if one is running; done when the conversation has taken that in. */
    async stop(id = current?.id) {
      const run = running.get(id);
      run?.controller.abort();
      await run?.done;
    },
    async stopAll() {
      const all = [...running.values()];
      for (const { controller } of all) controller.abort();
      await Promise.all(all.map(({ done }) => done));
    },
    writing: () => [...running.values()].map(({ message }) => message),
  };
}

/** The beginning of what was asked, as a title. */
export function titleOf(text, files = []) {
  const line = text.replace(/\s+/g, ' ').trim() || (files[0]?.name ?? '');
  const letters = [...line];
  return letters.length > 60 ? `${letters.slice(0, 60).join('').trimEnd()}…` : line;
}
