// SPDX-License-Identifier: MIT
// Language and colours: as the browser's, until the reader chooses otherwise; kept for next time.
import { languageOf } from '../common/i18n.js';
import { safeStorage } from '../common/storage.js';

const storage = safeStorage(() => localStorage);
const themes = ['system', 'light', 'dark'];

export function chosenLanguage() {
  const kept = storage.getItem('opencat-language');
  return kept === 'zh' || kept === 'en' ? kept : languageOf(navigator.language);
}

export const keepLanguage = (language) => storage.setItem('opencat-language', language);

export function chosenTheme() {
  const kept = storage.getItem('opencat-theme');
  return themes.includes(kept) ? kept : 'system';
}

export function nextTheme() {
  const next = themes[(themes.indexOf(chosenTheme()) + 1) % themes.length];
  storage.setItem('opencat-theme', next);
  applyTheme();
}

/** theme.css follows the system; what was chosen stands on the root element. */
export function applyTheme() {
  const theme = chosenTheme();
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
