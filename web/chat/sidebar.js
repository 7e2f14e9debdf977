// SPDX-License-Identifier: MIT
// The list of conversations and the search in it: a column on wide windows, a drawer on narrow ones.
import { byId, el } from '../common/dom.js';
import { drawing, iconButton } from './icons.js';

const shownAtOnce = 100;

/** Calls onOpen(id, messageId or null), onNew() and onMenu(id); current() is the id of the one that is shown. */
export function createSidebar({ t, history, current, onOpen, onNew, onMenu }) {
  const side = byId('side');
  const page = byId('page');
  const list = byId('list');
  const search = byId('search');
  const wide = matchMedia('(min-width: 60rem)');
  let shown = shownAtOnce;
  let turn = 0;

  function openDrawer() {
    if (wide.matches) return;
    side.classList.add('open');
    byId('menu').setAttribute('aria-expanded', 'true');
    page.inert = true;
    byId('side-close').focus();
  }

  function closeDrawer({ focus = true } = {}) {
    if (!side.classList.contains('open')) return;
    side.classList.remove('open');
    byId('menu').setAttribute('aria-expanded', 'false');
    page.inert = false;
    if (focus) byId('menu').focus();
  }

  function row({ id, message, snippet }) {
    const { title, pinned } = history.get(id);
    const words = el('span', { className: 'title', textContent: title || t('untitled'), title });
    const hit =
      snippet &&
      el(
        'span',
        { className: 'snippet' },
        snippet.before,
        el('mark', { textContent: snippet.hit }),
        snippet.after,
      );
    const isCurrent = id === current();
    const open = el(
      'button',
      { type: 'button', className: 'open', 'aria-current': isCurrent ? 'true' : null },
      (pinned &&
        el(
          'span',
          { className: 'pinned', title: t('pinned') },
          drawing('pin'),
          el('span', { className: 'unseen', textContent: t('pinned') }),
        )) ||
        null,
      words,
      hit,
    );
    open.addEventListener('click', () => {
      closeDrawer({ focus: false });
      onOpen(id, message);
    });
    const menu = iconButton('more', t('manage', { title: title || t('untitled') }), () => onMenu(id));
    const node = el('li', { className: isCurrent ? 'current' : '' }, open, menu);
    node.dataset.id = id;
    return node;
  }

  async function draw() {
    const mine = (turn += 1);
    const query = search.value.trim();
    const found = query ? await history.find(query) : history.list().map(({ id }) => ({ id }));
    if (mine !== turn) return;
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const place = focused?.closest('li')?.dataset.id;
    const kind = focused?.classList.contains('more') ? '.more' : '.open';
    const rows = found.slice(0, shown).map(row);
    if (found.length > shown) rows.push(moreButton());
    list.replaceChildren(...rows);
    byId('list-empty').hidden = found.length > 0 || !query;
    byId('found').textContent = query ? t('found', { n: found.length }) : '';
    // The rows are new: the focus returns to the same one, or to the search if that is gone.
    if (place) (list.querySelector(`[data-id="${place}"] ${kind}`) ?? search).focus();
  }

  function moreButton() {
    const press = () => {
      shown += shownAtOnce;
      draw();
    };
    return el(
      'li',
      {},
      el('button', { type: 'button', className: 'open', textContent: t('showMore'), onclick: press }),
    );
  }

  byId('menu').addEventListener('click', openDrawer);
  byId('side-close').addEventListener('click', () => closeDrawer());
  byId('veil').addEventListener('click', () => closeDrawer());
  wide.addEventListener('change', () => closeDrawer({ focus: false }));
  search.addEventListener('input', () => {
    shown = shownAtOnce;
    draw();
  });
  search.addEventListener('focus', () => history.fillIndex(), { once: true });
  search.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key === 'Enter' || event.key === 'ArrowDown') {
      event.preventDefault();
      list.querySelector('.open')?.[event.key === 'Enter' ? 'click' : 'focus']();
    }
  });
  side.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveFocus(event);
    if (event.key !== 'Escape' || event.isComposing) return;
    if (search.value) {
      search.value = '';
      draw();
    } else if (side.classList.contains('open')) closeDrawer();
    else byId('input').focus();
    event.preventDefault();
  });
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k' || byId('chat').hidden) return;
    if (document.querySelector('dialog[open]')) return;
    event.preventDefault();
    openDrawer();
    search.focus();
    search.select();
  });

  function moveFocus(event) {
    const buttons = [...list.querySelectorAll('.open')];
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    (
      buttons[at + (event.key === 'ArrowDown' ? 1 : -1)] ?? (event.key === 'ArrowUp' ? search : buttons[at])
    ).focus();
  }

  for (const id of ['new', 'new-small']) {
    byId(id).addEventListener('click', () => {
      closeDrawer({ focus: false });
      onNew();
    });
  }

  return { draw, close: closeDrawer };
}
