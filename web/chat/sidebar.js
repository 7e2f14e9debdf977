// SPDX-License-Identifier: MIT
// The list of conversations and the search in it: a column on wide windows, a drawer on narrow ones.
import { byId, el } from '../common/dom.js';
import { drawing, iconButton } from './icons.js';

const shownAtOnce = 100;
const hitsAtOnce = 3; // of a conversation in which words were found

/** Calls onOpen(id, messageId or null), onNew() and onMenu(id); current() is the id of the one that is shown. */
export function createSidebar({ t, history, current, onOpen, onNew, onMenu }) {
  const side = byId('side');
  const page = byId('page');
  const list = byId('list');
  const search = byId('search');
  const wide = matchMedia('(min-width: 60rem)');
  const unfolded = new Set(); // conversations all of whose hits are shown
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

  function row({ id, hits = [] }) {
    const { title, pinned } = history.get(id);
    const name = title || t('untitled');
    const isCurrent = id === current();
    const words = el('span', { className: 'title', textContent: name, title });
    const open = opener(
      id,
      hits[0] ?? null,
      (pinned &&
        el(
          'span',
          { className: 'pinned', title: t('pinned') },
          drawing('pin'),
          el('span', { className: 'unseen', textContent: t('pinned') }),
        )) ||
        null,
      words,
      hits.length > 0 ? snippet(id, hits[0]) : null,
    );
    if (isCurrent) open.setAttribute('aria-current', 'true');
    const menu = iconButton('more', t('manage', { title: name }), () => onMenu(id));
    const shownHits = unfolded.has(id) ? hits : hits.slice(0, hitsAtOnce);
    const others = shownHits.slice(1).map((hit) => opener(id, hit, snippet(id, hit)));
    const node = el('li', { className: isCurrent ? 'current' : '' }, open, menu, ...others);
    if (hits.length > shownHits.length) node.append(unfoldButton(id, hits.length - shownHits.length));
    node.dataset.id = id;
    return node;
  }

  /** A button that opens a conversation, at one of its messages if that is given. */
  function opener(id, message, ...parts) {
    const press = () => {
      closeDrawer({ focus: false });
      onOpen(id, message);
    };
    return el('button', { type: 'button', className: 'open', onclick: press }, ...parts);
  }

  function snippet(id, message) {
    const { before, hit, after } = history.snippet(id, message, search.value);
    return el('span', { className: 'snippet' }, before, el('mark', { textContent: hit }), after);
  }

  /** Shows the rest of what was found in a conversation; the focus goes to the first of it. */
  function unfoldButton(id, n) {
    const press = async () => {
      unfolded.add(id);
      await draw();
      list.querySelectorAll(`[data-id="${id}"] .open`)[hitsAtOnce]?.focus();
    };
    return el('button', {
      type: 'button',
      className: 'open rest',
      textContent: t('moreFound', { n }),
      onclick: press,
    });
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
    unfolded.clear();
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
