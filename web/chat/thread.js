// SPDX-License-Identifier: MIT
// The conversation on the page, and the scrolling that follows a growing answer until the reader leaves
// its end.
import { byId, el } from '../common/dom.js';
import { createAnswer } from './answer.js';
import { createQuestion } from './question.js';

const nearEnd = 48; // pixels from the end that still count as reading along
const filledAtOnce = 12; // messages; those before are filled when the browser has nothing else to do
const busyShare = 4; // drawing may take one part of so many of the time
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 50, { timeRemaining: () => 8 }));

/**
 * `chat` says what the page knows of a message and can do with it: siblings(message), isWriting(message),
 * fileOf(message, id), and again, goOn, edit, branch.
 */
export function createThread({ t, enricher, chat }) {
  const scroller = byId('scroller');
  const thread = byId('thread');
  const empty = byId('empty');
  const toEnd = byId('to-end');
  const announcer = byId('announcer');
  const rows = new Map(); // a message's id → {message, node, view}, in the order on the page
  const near = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) fill(rows.get(target.dataset.id));
    },
    { root: scroller, rootMargin: '1200px 0px' },
  );
  let following = true;

  const endDistance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  const follow = () => {
    following = true;
    toEnd.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  };
  let height = 0;
  scroller.addEventListener('scroll', () => {
    // Messages that come near get their real height, which moves the end; only the reader leaves it.
    const moved = height === scroller.scrollHeight;
    height = scroller.scrollHeight;
    if (!moved && following) return follow();
    following = endDistance() < nearEnd;
    toEnd.hidden = following;
  });
  toEnd.addEventListener('click', () => {
    follow();
    byId('input').focus();
  });
  // The field grows, the window turns, the keyboard opens: the end stays where it is being read.
  const watcher = new ResizeObserver(() => following && follow());
  watcher.observe(scroller);
  watcher.observe(thread);

  function add(message) {
    const className = message.role === 'user' ? 'question' : 'answer';
    const node = el('article', { className, tabIndex: -1 });
    node.dataset.id = message.id;
    const row = { message, node, view: null, frame: 0, rest: 0 };
    rows.set(message.id, row);
    thread.append(node);
    near.observe(node);
    return row;
  }

  function fill(row) {
    if (!row || row.view) return;
    near.unobserve(row.node);
    const make = row.message.role === 'user' ? createQuestion : createAnswer;
    row.view = make(row.node, row.message, { t, enricher, chat });
    row.view.draw();
  }

  /** Fills what is left from the end up, in the browser's idle time. */
  function fillRest() {
    const rest = [...rows.values()].filter(({ view }) => !view);
    idle(function some(deadline) {
      do fill(rest.pop());
      while (rest.length > 0 && deadline.timeRemaining() > 4);
      if (rest.length > 0) idle(some);
    });
  }

  function drop(row) {
    cancelAnimationFrame(row.frame);
    clearTimeout(row.rest);
    near.unobserve(row.node);
    row.node.remove();
    rows.delete(row.message.id);
  }

  /** Draws a row soon: once a frame at most, and less often where drawing takes long. */
  function drawSoon(row) {
    if (row.frame || row.rest) return;
    row.frame = requestAnimationFrame(() => {
      const began = performance.now();
      draw(row);
      const took = performance.now() - began;
      row.frame = 0;
      if (took < 4) return;
      row.again = false;
      row.rest = setTimeout(
        () => {
          row.rest = 0;
          if (row.again) drawSoon(row);
        },
        took * (busyShare - 1),
      );
    });
  }

  function draw(row) {
    if (!row.node.isConnected) return;
    if (row.view) row.view.draw();
    else fill(row);
    if (following) follow();
  }

  return {
    follow,
    /** Shows these messages; what is there already and has not changed stays as it is. */
    show(messages, { end = true } = {}) {
      const ids = messages.map(({ id }) => id);
      let same = 0;
      for (const row of [...rows.values()]) {
        if (same < ids.length && row.message === messages[same]) same += 1;
        else drop(row);
      }
      const added = messages.slice(same).map(add);
      for (const row of added.slice(-filledAtOnce)) fill(row);
      for (const row of [...rows.values()].slice(0, same).slice(-filledAtOnce)) row.view?.draw(); // its branches may have changed
      empty.hidden = messages.length > 0;
      if (end) follow();
      if (added.length > filledAtOnce) fillRest();
    },
    /** Shows everything anew, in another language. */
    renew() {
      const messages = [...rows.values()].map(({ message }) => message);
      for (const row of [...rows.values()]) drop(row);
      this.show(messages, { end: following });
    },
    /** A message has changed. While it is being written it is drawn once a frame at most. */
    update(message) {
      const row = rows.get(message.id);
      if (!row) return;
      row.again = true;
      if (chat.isWriting(message)) return drawSoon(row);
      cancelAnimationFrame(row.frame); // the last state is drawn at once: hidden tabs have no frames
      clearTimeout(row.rest);
      row.frame = row.rest = 0;
      draw(row);
    },
    has: (id) => rows.has(id),
    /** Brings a message into view and marks it for a moment. */
    reveal(id) {
      const row = rows.get(id);
      if (!row) return;
      fill(row);
      following = false;
      row.node.scrollIntoView({ block: 'center' });
      row.node.focus({ preventScroll: true });
      row.node.classList.add('found');
      setTimeout(() => row.node.classList.remove('found'), 2000);
    },
    /** Opens the last question for editing; false when there is none. */
    editLast() {
      const row = [...rows.values()].findLast(({ message }) => message.role === 'user');
      if (!row) return false;
      fill(row);
      row.view.edit();
      return true;
    },
    /** The focus goes to a tool of the message, or to the message where it has none of that name. */
    focusOn(id, tool) {
      const row = rows.get(id);
      if (!row) return;
      fill(row);
      (row.node.querySelector(`.${tool}`) ?? row.node).focus({ preventScroll: true });
    },
    /** Said to screen readers, politely: whole answers, not every piece of them. */
    announce: (text) => (announcer.textContent = text),
  };
}
