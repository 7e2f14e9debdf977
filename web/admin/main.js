// SPDX-License-Identifier: MIT
// The admin page: signing in, which view is open, languages and colours.
import { byId, el } from '../common/dom.js';
import { createWords } from '../common/i18n.js';
import { safeStorage } from '../common/storage.js';
import { createPreferences } from '../common/preferences.js';
import { createApi, wordsFor } from './api.js';
import { createFormat } from './format.js';
import { icon } from './parts.js';
import { createPlansView } from './plans.js';
import { createServerView } from './server.js';
import { createSignIn } from './signin.js';
import { createToasts } from './toasts.js';
import { createTokenList } from './token_list.js';
import { createUpstreamsView } from './upstreams.js';
import { createUsageView } from './usage.js';
import { words as allWords } from './words.js';

const makers = {
  tokens: createTokenList,
  plans: createPlansView,
  usage: createUsageView,
  upstreams: createUpstreamsView,
  server: createServerView,
};
const base = new URL('./', location.href);
// Of this tab alone, and gone with it.
const session = safeStorage(() => sessionStorage);
const secretKey = `opencat.admin-secret:${base.pathname}`; // servers under one origin each have their own
// Chosen here or on the chat page: it holds for both.
const preferences = createPreferences(
  safeStorage(() => localStorage),
  base.pathname,
  navigator.language,
);
const themes = ['auto', 'light', 'dark'];
const api = createApi({ base, secret: () => session.getItem(secretKey) ?? '' });

let app; // what the views work with, in the language of the moment
let views = {};
let open = null; // the view that is shown

preferences.applyTheme(document.documentElement);
speak(preferences.spoken);
byId('skip').hidden = false;
byId('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the address says which view is open
  byId('main').focus();
});
byId('language').addEventListener('click', () => {
  preferences.set('language', app.language === 'zh' ? 'en' : 'zh');
  speak(preferences.spoken);
});
byId('theme').addEventListener('click', () => {
  preferences.set('theme', themes[(themes.indexOf(preferences.theme) + 1) % themes.length]);
  preferences.applyTheme(document.documentElement);
  nameTheme();
  open?.recolour?.();
});
byId('sign-out').addEventListener('click', () => leave('signedOut'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => open?.recolour?.());
addEventListener('hashchange', route);
route();

/** Says everything in this language: what the page has, and the views anew. */
function speak(language) {
  const { t, fill } = createWords(allWords, language);
  fill(document.documentElement);
  document.title = t('title');
  byId('language').textContent = { zh: 'English', en: '中文' }[language];
  byId('language').lang = language === 'zh' ? 'en' : 'zh-CN';
  const announcer = byId('announcer');
  app = {
    t,
    language,
    api,
    format: createFormat({ t, language }),
    announce: (text) => (announcer.textContent = text),
    toast: createToasts({ t }).show,
    fail,
    well: () => (byId('notice').hidden = true),
    go,
  };
  createSignIn(app, { check: (secret) => api.server({ as: secret }), onSecret: enter });
  nameTheme();
  byId('notice').hidden = true;
  if (!open) return;
  open.hide();
  open = null;
  views = {};
  route();
}

function nameTheme() {
  const { theme } = preferences;
  const name = app.t({ auto: 'themeSystem', light: 'themeLight', dark: 'themeDark' }[theme]);
  const button = byId('theme');
  button.replaceChildren(icon(theme));
  button.setAttribute('aria-label', name);
  button.title = name;
}

function enter(secret) {
  session.setItem(secretKey, secret);
  route();
  byId('main').focus({ preventScroll: true });
}

function leave(why) {
  session.removeItem(secretKey);
  open?.hide();
  open = null;
  views = {};
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  byId('view').replaceChildren();
  route(why);
}

/** "#/usage?group=model": the view and what it is to show. */
function address() {
  const [, name, query] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [null, 'tokens', ''];
  return { name: name in makers ? name : 'tokens', params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Shows what the address names, or the sign-in. */
function route(why) {
  const inside = session.getItem(secretKey) !== null;
  byId('sign-in').hidden = inside;
  for (const id of ['view', 'tabs', 'sign-out']) byId(id).hidden = !inside;
  if (!inside) {
    byId('notice').hidden = true;
    return app.openSignIn(typeof why === 'string' ? app.t(why) : '');
  }
  const { name, params } = address();
  for (const link of byId('tabs').querySelectorAll('a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${app.t(name)} · ${app.t('title')}`;
  views[name] ??= makers[name](app);
  if (open !== views[name]) {
    open?.hide();
    byId('notice').hidden = true;
    open = views[name];
    byId('view').replaceChildren(el('h1', { className: 'unseen' }, app.t(name)), open.node);
  }
  open.show(params);
}

/** Has the address name a view; a step of the browser's history, unless `replace`. */
function go(name, params = {}, { replace = false } = {}) {
  const kept = Object.entries(params).filter(([, value]) => value !== '' && value !== undefined);
  const query = new URLSearchParams(kept).toString();
  const hash = `#/${name}${query && `?${query}`}`;
  if (replace) history.replaceState(null, '', hash);
  else location.hash = hash;
}

/** Says what went wrong above the view, with `again` to try again. */
function fail(error, again) {
  if (error.kind === 'stopped') return;
  if (error.kind === 'unauthorized') return leave('secretGone');
  byId('notice').hidden = false;
  byId('notice-words').textContent = wordsFor(error, app.t);
  const retry = byId('notice-retry');
  retry.hidden = !again;
  retry.onclick = () => {
    byId('main').focus({ preventScroll: true }); // the button goes, the focus must not go with it
    byId('notice').hidden = true;
    again();
  };
}
