// SPDX-License-Identifier: MIT
// The page's own dialog: language, theme, what is left, all conversations as a file and back, signing out.
import { byId } from '../common/dom.js';

/** Calls onLanguage(value), onTheme(value), onExport(), onImport(file) and onSignOut(). */
export function createSettings({ t, preferences, onLanguage, onTheme, onExport, onImport, onSignOut }) {
  const dialog = byId('settings');
  const language = byId('language');
  const theme = byId('theme');
  const chooser = byId('import-chooser');

  byId('settings-open').addEventListener('click', () => {
    language.value = preferences.language;
    theme.value = preferences.theme;
    dialog.showModal();
    showRoom();
  });
  byId('settings-close').addEventListener('click', () => dialog.close());
  language.addEventListener('change', () => onLanguage(language.value));
  theme.addEventListener('change', () => onTheme(theme.value));
  for (const id of ['export-all', 'ask-export']) byId(id).addEventListener('click', onExport);
  byId('import').addEventListener('click', () => chooser.click());
  chooser.addEventListener('change', () => {
    const [file] = chooser.files;
    chooser.value = '';
    dialog.close();
    if (file) onImport(file);
  });
  byId('sign-out').addEventListener('click', () => {
    dialog.close();
    byId('ask').showModal();
  });
  byId('ask-no').addEventListener('click', () => byId('ask').close());
  byId('ask-yes').addEventListener('click', () => {
    byId('ask').close();
    onSignOut();
  });

  async function showRoom() {
    const room = byId('room');
    const used = await navigator.storage?.estimate?.().catch(() => null);
    room.textContent = used?.usage ? t('roomUsed', { mb: (used.usage / 1e6).toFixed(1) }) : '';
  }
}
