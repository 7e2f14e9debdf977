// SPDX-License-Identifier: MIT
// Puts the page's parts together: the conversation, its list, the dialogs and the files in and out.
import { byId } from '../common/dom.js';
import { saveFile } from './clipboard.js';
import { createComposer } from './composer.js';
import { createConversation } from './conversation.js';
import { createEnricher } from './enrich.js';
import { fileName, fromJson, toJson, toMarkdown } from './exchange.js';
import { createManager } from './manage.js';
import { createModels } from './models.js';
import { createSettings } from './settings.js';
import { createSidebar } from './sidebar.js';
import { keepStorage } from './tabs.js';
import { createThread } from './thread.js';

const load = {
  highlight: () => import('./rich/highlight.js'),
  math: () => import('./rich/math.js'),
};

/** `on`: ask(), settled(error), failure(error, retry) and signOut() go to the page; the rest is done here. */
export function createApp({ api, history, draft, waiting, words, notice, preferences, policy, on }) {
  const { t } = words;
  const chat = {
    siblings: (message) => conversation.siblings(message),
    isWriting: (message) => history.isWriting(message),
    fileOf: (message, id) => conversation.fileOf(message, id),
    again: (message) => conversation.again(message),
    goOn: (message) => conversation.goOn(message),
    edit: (message, text) => conversation.edit(message, text),
    branch: (id, tool) => conversation.branch(id, tool),
  };
  const thread = createThread({ t, enricher: createEnricher({ t, policy, load }), chat });
  const composer = createComposer({
    t,
    onSend: (message) => conversation.send(message),
    onStop: () => conversation.stop(),
    onDraft: (text) => (draft.text = text),
    onFiles: waiting.keep,
    onEditLast: () => thread.editLast(),
    onProblem: (text) => notice.show({ text }),
  });
  const conversation = createConversation({
    api,
    history,
    thread,
    composer,
    t,
    on: { ask, failure: on.failure, settled: on.settled, shown },
  });
  const sidebar = createSidebar({
    t,
    history,
    current: () => conversation.current?.id ?? null,
    onOpen: open,
    onNew: startNew,
    onMenu: (id) => manager.open(id, history.get(id)),
  });
  const models = createModels({ t, onChoose: chooseModel });
  const manager = createManager({ onSave: saveSettings, onExport: exportOne, onDelete: remove });
  createSettings({
    t,
    preferences,
    onLanguage(value) {
      preferences.set('language', value);
      renew();
    },
    onTheme(value) {
      preferences.set('theme', value);
      preferences.applyTheme(document.documentElement);
    },
    onExport: exportAll,
    onImport: importFile,
    onSignOut: on.signOut,
  });

  function ask() {
    notice.hide();
    keepStorage();
    sidebar.draw();
    on.ask();
  }

  /** What stands around the conversation follows it. */
  function shown() {
    const { current } = conversation;
    draft.open = current?.id ?? null;
    const title = current?.title || '';
    byId('title').textContent = title || t('newChat');
    document.title = title ? `${title} · OpenCat` : 'OpenCat';
    models.show(conversation.settings.model ?? (current ? 'auto' : preferences.model));
    sidebar.draw();
  }

  async function open(id, messageId = null) {
    notice.hide();
    await conversation.open(id, messageId);
    if (!messageId) composer.focus();
  }

  function startNew() {
    notice.hide();
    conversation.startNew();
    const { model } = preferences;
    if (model !== 'auto') conversation.settings = { model };
    composer.focus();
  }

  function chooseModel(name) {
    preferences.set('model', name);
    conversation.settings = { model: name === 'auto' ? undefined : name };
  }

  function saveSettings(id, values) {
    if (id && id !== conversation.current?.id) history.change(id, values);
    else conversation.settings = values;
  }

  async function remove(id) {
    const { title } = history.get(id);
    await conversation.stop(id);
    if (!history.get(id)) return; // its only question went back into the field
    history.remove(id);
    sidebar.close({ focus: false }); // the way back stands on the page below
    if (id === conversation.current?.id) startNew();
    composer.focus();
    const bringBack = () => {
      history.restore(id);
      open(id);
    };
    const text = t('removed', { title: title || t('untitled') });
    notice.show({ text, buttons: [{ label: t('undo'), run: bringBack }], seconds: history.undoTime / 1000 });
  }

  async function exportOne(id, kind) {
    const [part] = await history.everything([id]);
    const { conversation: record } = part;
    const title = record.title || t('untitled');
    if (kind === 'json') return saveFile(fileName(title, 'json'), toJson([part]), 'application/json');
    const { tree } = await history.open(id);
    return saveFile(fileName(title, 'md'), toMarkdown({ title }, tree.path(record.head), t), 'text/markdown');
  }

  async function exportAll() {
    saveFile(
      fileName(`OpenCat ${new Date().toISOString().slice(0, 10)}`, 'json'),
      toJson(await history.everything()),
      'application/json',
    );
  }

  async function importFile(file) {
    let parts = null;
    try {
      parts = fromJson(await file.text());
    } catch {
      return notice.show({ text: t('importFailed', { name: file.name }) });
    }
    await history.addAll(parts);
    return notice.show({ text: t('imported', { n: parts.length }), seconds: 10 });
  }

  /** Says everything in the language that is chosen by now. */
  function renew() {
    words.use(preferences.spoken);
    words.fill(document.documentElement);
    notice.hide();
    thread.renew();
    composer.renew();
    models.draw();
    shown();
    on.renewed();
  }

  byId('tune').addEventListener('click', () => {
    const { current, settings } = conversation;
    manager.open(current?.id ?? null, current ?? settings);
  });
  byId('starters').addEventListener('click', ({ target }) => {
    if (target.tagName !== 'BUTTON') return;
    composer.set(target.textContent);
    composer.focus();
  });

  return { conversation, composer, thread, sidebar, models, open, startNew };
}
