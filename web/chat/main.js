// SPDX-License-Identifier: MIT
// The chat page: who may see it, and which of its two views is open.
import { byId } from '../common/dom.js';
import { createWords } from '../common/i18n.js';
import { safeStorage } from '../common/storage.js';
import { createTokenKeeper, takeFromAddress } from '../common/token.js';
import { createApi } from './api.js';
import { createApp } from './app.js';
import { memoryDatabase, openDatabase } from './database.js';
import { createDraft } from './draft.js';
import { explain } from './explain.js';
import { createHistory } from './history.js';
import { newId } from './ids.js';
import { createNotice } from './notice.js';
import { titleOf } from './conversation.js';
import { createPreferences } from '../common/preferences.js';
import { createQuota } from './quota.js';
import { createSignIn } from './signin.js';
import { settleIn } from './tabs.js';
import { createPolicy } from './trusted.js';
import { createWaitingFiles } from './waiting.js';
import { words as allWords } from './words.js';

// First of all, before the page is even parsed: the token leaves the address bar.
const arrived = takeFromAddress(location, history);
const base = new URL('.', location.href); // …/opencat/ for …/opencat/chat
const prefix = base.pathname; // servers under one origin each have their own storage
const local = safeStorage(() => localStorage);
const keeper = createTokenKeeper(local, `opencat.token:${prefix}`);
if (arrived?.token) keeper.keep(arrived.token);
const preferences = createPreferences(local, prefix, navigator.language);
preferences.applyTheme(document.documentElement);
// A browser that forbids databases says so; one that is stuck says nothing, and the page must open all the same.
const patience = new Promise((resolve) => setTimeout(resolve, 5000)).then(memoryDatabase);
const database = Promise.race([openDatabase(`opencat:${prefix}`).catch(memoryDatabase), patience]);

if (document.readyState === 'loading') {
  document.addEventListener('DOMContentLoaded', start, { once: true });
} else {
  start();
}

async function start() {
  const words = createWords(allWords, preferences.spoken);
  const { t } = words;
  words.fill(document.documentElement);
  const { manifest, worker } = document.documentElement.dataset;
  const workerUrl = new URL(worker, base).href;
  const policy = createPolicy(workerUrl);

  const draft = createDraft(
    safeStorage(() => sessionStorage),
    `opencat.chat:${prefix}`,
  );
  const notice = createNotice({ t });
  const quota = createQuota({ t });
  const api = createApi({ base, token: () => keeper.get() ?? '', onQuota: quota.tell });
  let status = null; // what the server last said about the token
  const opened = await database;
  const waiting = createWaitingFiles({ database: opened, draft });
  const past = createHistory({
    database: opened,
    channel: new BroadcastChannel(`opencat.chat:${prefix}`),
    on: {
      list: () => app?.sidebar.draw(),
      thread: (id) => app?.conversation.changedElsewhere(id),
      trouble: (kind) => kind && notice.show({ text: t(kind === 'full' ? 'storageFull' : 'storageBroken') }),
      cleared: leave,
    },
  });
  const on = { ask() {}, settled, failure: fail, signOut, renewed };
  const app = createApp({ api, history: past, draft, waiting, words, notice, preferences, policy, on });
  const signIn = createSignIn({ t, check, onToken: enter });

  function openView(name) {
    byId('chat').hidden = name !== 'chat';
    byId('sign-in').hidden = name === 'chat';
  }

  function askForToken(reason = '') {
    notice.hide();
    app.sidebar.close({ focus: false });
    byId('back').hidden = past.list().length === 0;
    openView('sign-in');
    signIn.open(reason);
  }

  function enter(token) {
    keeper.keep(token);
    status = null;
    notice.hide();
    openView('chat');
    app.thread.follow();
    app.composer.focus();
    refreshStatus();
    refreshModels();
  }

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
    quota.set(status?.quota);
  }

  /** What is left is asked after each answer; one that failed behind the server has said so in its headers. */
  function settled(error) {
    // Such a request is given back, and asking at once might find it counted still.
    if (!(error?.status >= 500)) refreshStatus();
  }

  async function refreshModels() {
    app.models.names = await api.models().catch(() => []);
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

  async function fail(error, retry) {
    if (error.kind === 'unauthorized') return rejectToken();
    // Asked first: it knows whether the day or the month is used up.
    if (error.kind === 'quota') await refreshStatus();
    explainAbove(error, retry);
  }

  async function signOut() {
    await app.conversation.stopAll();
    await past.clear();
    leave();
  }

  /** Forgets who was here: this tab signed out, or another one did. */
  function leave() {
    keeper.forget();
    status = null;
    quota.set(null);
    app.composer.clear();
    app.startNew();
    draft.clear();
    askForToken(t('signedOut'));
  }

  function renewed() {
    quota.draw();
  }

  byId('back-button').addEventListener('click', () => {
    openView('chat');
    app.composer.focus();
  });
  // A chat link opened in this very tab changes the address and loads nothing.
  addEventListener('hashchange', () => {
    const again = takeFromAddress(location, history);
    if (again?.token) enter(again.token);
    else if (again) askForToken(t('tokenMalformed'));
  });
  // A half-streamed answer outlives a reload: what the database may not get any more, the session does.
  addEventListener('pagehide', () => {
    past.save();
    draft.keepTail(app.conversation.writing());
  });

  app.composer.restore(draft.text);
  if (keeper.get() && (!arrived || arrived.token)) enter(keeper.get());
  else askForToken(arrived ? t('tokenMalformed') : '');

  await past.load().catch(() => notice.show({ text: t('storageBroken') }));
  const shown = await takeInOld(past, draft);
  if (past.get(shown) && !past.get(shown).removed) await app.conversation.open(shown);
  else app.startNew();
  app.composer.restoreFiles(await waiting.found());
  app.composer.focus();
  settleIn({ manifest, workerUrl, policy }, () => past.fillIndex({ hurry: false }));
  document.documentElement.dataset.ready = ''; // for tests: the history is read
}

/**
 * Takes in what an earlier page left in the session: the conversation of the page's first version, and the end
 * of an answer that a reload cut short. Resolves to the id of the conversation to show.
 */
async function takeInOld(past, draft) {
  const old = draft.takeOldMessages();
  if (old.length > 0) {
    const record = past.create({ title: titleOf(old[0].content) });
    for (const { role, content, reasoning, model, state } of old) {
      const message = {
        id: newId(),
        conversation: record.id,
        parent: record.head,
        role,
        content,
        reasoning,
        model,
        state,
      };
      past.put(message);
      past.change(record.id, { head: message.id });
    }
    return record.id;
  }
  const tail = draft.takeTail();
  if (tail.length > 0 && draft.open && past.get(draft.open)) {
    const { tree } = await past.open(draft.open);
    for (const { id, content, reasoning } of tail) {
      const message = tree.get(id);
      if (message?.state !== 'writing') continue;
      if (content.length >= message.content.length) Object.assign(message, { content, reasoning });
      message.state = 'broken';
      past.put(message);
    }
    past.save();
  }
  return draft.open;
}
