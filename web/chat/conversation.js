// SPDX-License-Identifier: MIT
// One question and its answer at a time: asked, streamed, stopped, failed, asked again.
import { ApiError } from '../common/errors.js';
import { forModel } from './store.js';

/**
 * on.ask() when a question goes out; on.failure(error, retry) when no answer came, and its question is
 * back in the field; on.settled() when an answer or a failure is there.
 */
export function createConversation({ api, store, thread, composer, t, on }) {
  let running = null; // {controller, done} while an answer is awaited or streams

  function send(text) {
    const question = { role: 'user', content: text };
    store.add(question);
    thread.add(question);
    answer(null);
  }

  /** Asks the last question again; its answer stays if no better one comes. */
  function again() {
    const last = store.messages.at(-1);
    if (running || last?.role !== 'assistant') return;
    store.remove(last);
    thread.remove(last);
    answer(last);
  }

  function answer(before) {
    const controller = new AbortController();
    const done = run(before, controller.signal).finally(() => {
      running = null;
      composer.setBusy(false);
      on.settled();
    });
    running = { controller, done };
  }

  async function run(before, signal) {
    const message = { role: 'assistant', content: '' };
    const asked = forModel(store.messages);
    store.add(message);
    const paint = thread.add(message);
    composer.setBusy(true);
    on.ask();
    paint(true);
    thread.follow();
    thread.announce(t('answering'));
    const error = await stream(asked, message, () => paint(true), signal);
    if (error && !message.content && !message.reasoning) takeBack(message, before, error);
    else finish(message, paint, error);
  }

  async function stream(asked, message, changed, signal) {
    try {
      for await (const piece of api.chat(asked, signal)) {
        if (piece.text) message.content += piece.text;
        if (piece.reasoning) message.reasoning = (message.reasoning ?? '') + piece.reasoning;
        if (piece.model) message.model = piece.model;
        if (piece.finish === 'length') message.state = 'length';
        changed();
      }
      return null;
    } catch (error) {
      if (error instanceof ApiError) return error;
      console.error(error); // a mistake of this page; the answer must not look whole for it
      return new ApiError('broken');
    }
  }

  function finish(message, paint, error) {
    if (error) message.state = error.kind === 'stopped' ? 'stopped' : 'broken';
    else if (!message.content) message.state = 'empty';
    paint(false);
    store.save();
    thread.announce([message.content, message.state && t(message.state)].filter(Boolean).join('\n'));
  }

  function takeBack(message, before, error) {
    store.remove(message);
    thread.remove(message);
    thread.announce('');
    if (before) {
      store.add(before);
      thread.add(before)(false);
    } else {
      const question = store.messages.at(-1);
      store.remove(question);
      thread.remove(question);
      composer.giveBack(question.content);
    }
    if (error.kind !== 'stopped') on.failure(error, before ? again : composer.send);
  }

  return {
    send,
    again,
    /** Ends the running answer, if there is one; done when the conversation has taken that in. */
    async stop() {
      running?.controller.abort();
      await running?.done;
    },
  };
}
