// SPDX-License-Identifier: MIT
// The chat page: puts the parts together and decides which of its two views is open.
import { byId } from '../common/dom.js';
import { createWords, languageOf } from '../common/i18n.js';
import { safeStorage } from '../common/storage.js';
import { createTokenKeeper, takeFromAddress } from '../common/token.js';
import { createApi } from './api.js';
import { createComposer } from './composer.js';
import { createConversation } from './conversation.js';
import { explain, quotaLine } from './explain.js';
import { createNotice } from './notice.js';
import { createSignIn } from './signin.js';
import { createStore } from './store.js';
import { createThread } from './thread.js';
import { words as allWords } from './words.js';

// First of all, before the page is even parsed: the token leaves the address bar.
const arrived = takeFromAddress(location, history);
const base = new URL('.', location.href); // …/opencat/ for …/opencat/chat
const keeper = createTokenKeeper(
  safeStorage(() => localStorage),
  `opencat.token:${base.pathname}`, // servers under one origin each have their own
);
if (arrived?.token) keeper.keep(arrived.token);

if (document.readyState === 'loading') {
  document.addEventListener('DOMContentLoaded', start, { once: true });
} else {
  start();
}

function start() {
  const words = createWords(allWords, languageOf(navigator.language));
  const { t } = words;
  words.fill(document.documentElement);

  const store = createStore(
    safeStorage(() => sessionStorage),
    `opencat.chat:${base.pathname}`,
  );
  const api = createApi({ base, token: () => keeper.get() ?? '' });
  const notice = createNotice({ t });
  const thread = createThread({ t, onRetry: retryAnswer });
  const composer = createComposer({
    t,
    onSend: (text) => conversation.send(text),
    onStop: () => conversation.stop(),
    onDraft: (text) => (store.draft = text),
  });
  const on = { ask, failure: fail, settled: settle };
  const conversation = createConversation({ api, store, thread, composer, t, on });
  const signIn = createSignIn({ t, check, onToken: enter });
  let status = null; // what the server last said about the token

  function openView(name) {
    const chat = name === 'chat';
    byId('chat').hidden = !chat;
    byId('bar').hidden = !chat;
    byId('sign-in').hidden = chat;
  }

  function askForToken(reason = '') {
    notice.hide();
    openView('sign-in');
    signIn.open(reason);
  }

  function enter(token) {
    keeper.keep(token);
    status = null;
    notice.hide();
    openView('chat');
    thread.follow();
    composer.focus();
    refreshStatus();
  }

  // The status and not the answers' x-ratelimit headers: only it tells the day's limit from the month's.
  async function refreshStatus() {
    const token = keeper.get();
    if (!token) return;
    try {
      const answer = await api.status(token);
      if (token !== keeper.get()) return; // another one by now
      if (answer.status === 'disabled' && status?.status !== 'disabled') explainAbove({ kind: 'disabled' });
      status = answer;
    } catch (error) {
      if (token === keeper.get() && error.kind === 'unauthorized') rejectToken();
      // Anything else shows when a question is asked; a quiet line is not worth an alarm.
    }
    showQuota();
  }

  function showQuota() {
    const line = quotaLine(status?.quota, t);
    byId('quota').hidden = !line;
    byId('quota').textContent = line?.text ?? '';
    byId('quota').classList.toggle('low', Boolean(line?.low));
  }

  function rejectToken() {
    keeper.forget();
    askForToken(t('tokenUnknown'));
  }

  async function check(token) {
    try {
      await api.status(token);
      return null;
    } catch (error) {
      return error.kind === 'unauthorized' ? t('tokenUnknown') : explain(error, words).text;
    }
  }

  function explainAbove(error, retry = null) {
    const { text, detail, waitSeconds, ...offer } = explain(error, words, status);
    const buttons = [];
    if (offer.retry && retry) buttons.push({ label: t('retry'), run: retry, waitSeconds });
    if (offer.otherToken) buttons.push({ label: t('otherToken'), run: () => askForToken() });
    notice.show({ text, more: detail, buttons });
  }

  function settle() {
    byId('new').hidden = store.messages.length === 0;
    refreshStatus();
  }

  async function fail(error, retry) {
    if (error.kind === 'unauthorized') return rejectToken();
    // Asked first: it knows whether the day or the month is used up.
    if (error.kind === 'quota') await refreshStatus();
    explainAbove(error, retry);
  }

  function retryAnswer() {
    composer.focus(); // the button goes with the answer
    conversation.again();
  }

  function ask() {
    notice.hide();
    byId('new').hidden = false;
  }

  async function startNew() {
    await conversation.stop();
    const before = store.replace([]);
    showConversation();
    const bringBack = () => {
      store.replace([...before, ...store.messages]);
      showConversation();
    };
    notice.show({ text: t('newChatDone'), buttons: [{ label: t('undo'), run: bringBack }] });
  }

  function showConversation() {
    thread.show(store.messages);
    byId('new').hidden = store.messages.length === 0;
    composer.focus();
  }

  async function signOut() {
    byId('ask').close();
    await conversation.stop();
    keeper.forget();
    composer.set('');
    store.clear();
    showConversation();
    askForToken(t('signedOut'));
  }

  byId('new').addEventListener('click', startNew);
  byId('sign-out').addEventListener('click', () => byId('ask').showModal());
  byId('ask-no').addEventListener('click', () => byId('ask').close());
  byId('ask-yes').addEventListener('click', signOut);
  byId('starters').addEventListener('click', ({ target }) => {
    if (target.tagName !== 'BUTTON') return;
    composer.set(target.textContent);
    composer.focus();
  });
  // A chat link opened in this very tab changes the address and loads nothing.
  addEventListener('hashchange', () => {
    const again = takeFromAddress(location, history);
    if (again?.token) enter(again.token);
    else if (again) askForToken(t('tokenMalformed'));
  });
  addEventListener('pagehide', store.save); // a half-streamed answer outlives a reload

  composer.set(store.draft);
  if (keeper.get() && (!arrived || arrived.token)) enter(keeper.get());
  else askForToken(arrived ? t('tokenMalformed') : '');
  showConversation();
}
