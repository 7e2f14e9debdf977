// SPDX-License-Identifier: MIT
// The conversation on the page. A long one is there at once: its last messages first, those before them when the
// browser has nothing else to do.
import { byId, el } from '../common/dom.js';
import { createAnswer } from './answer.js';
import { createFollower } from './follow.js';
import { createQuestion } from './question.js';

const placedAtOnce = 24; // messages that are on the page at once, and then in each idle moment
const filledAtOnce = 8; // of these, so many with their words: more than a window holds
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
  const announcer = byId('announcer');
  const follower = createFollower();
  const rows = new Map(); // a message's id → its row
  let order = []; // the rows, from the first message to the last
  const near = new IntersectionObserver(
    (seen) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) fill(rows.get(target.dataset.id));
    },
    { root: scroller, rootMargin: '1200px 0px' },
  );

  /** Puts a row on the page, empty. A row is {message, node, view}, the last two null until it has them. */
  function place(row) {
    const className = row.message.role === 'user' ? 'question' : 'answer';
    row.node = el('article', { className, tabIndex: -1 });
    row.node.dataset.id = row.message.id;
    near.observe(row.node);
    return row.node;
  }

  function fill(row) {
    if (!row?.node || row.view) return;
    near.unobserve(row.node);
    const make = row.message.role === 'user' ? createQuestion : createAnswer;
    row.view = make(row.node, row.message, { t, enricher, chat });
    row.view.draw();
  }

  /** Places up to `most` of the rows that are not on the page yet, those nearest to the end first. */
  function placeBefore(most = Infinity) {
    const count = order.findIndex(({ node }) => node);
    const missing = count < 0 ? order.length : count;
    const nodes = order.slice(Math.max(0, missing - most), missing).map(place);
    follower.keepPlace(() => thread.prepend(...nodes));
    return missing > most;
  }

  /** The rest of a long conversation, in the browser's idle time. */
  function placeRest() {
    const all = order;
    idle(function some(deadline) {
      if (order !== all) return; // another conversation by now
      let more = order.length > 0 && !order[0].node;
      if (more) more = placeBefore(placedAtOnce) || !order[0].node;
      const empties = more ? [] : order.filter(({ view }) => !view);
      while (empties.length > 0 && deadline.timeRemaining() > 4) fill(empties.pop());
      if (more || empties.length > 0) idle(some);
    });
  }

  function drop(row) {
    cancelAnimationFrame(row.frame);
    clearTimeout(row.rest);
    if (row.node) near.unobserve(row.node);
    row.node?.remove();
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
    if (!row.node?.isConnected) return;
    if (row.view) row.view.draw();
    else fill(row);
    if (follower.following) follower.follow();
  }

  /** The row of a message, on the page and with its words. */
  function whole(id) {
    const row = rows.get(id);
    if (row && !row.node) placeBefore();
    fill(row);
    return row;
  }

  return {
    follow: follower.follow,
    /** Shows these messages; what is there already and has not changed stays as it is. */
    show(messages, { end = true } = {}) {
      let same = 0;
      while (same < order.length && order[same].message === messages[same]) same += 1;
      order.slice(same).forEach(drop);
      const added = messages
        .slice(same)
        .map((message) => ({ message, node: null, view: null, frame: 0, rest: 0 }));
      for (const row of added) rows.set(row.message.id, row);
      order = [...order.slice(0, same), ...added];
      // Where something stands already, all that follows must, too.
      const late = same > 0 ? added : added.slice(-placedAtOnce);
      thread.append(...late.map(place));
      order.slice(-filledAtOnce).forEach((row) => (row.view ? row.view.draw() : fill(row))); // branches may have changed
      empty.hidden = messages.length > 0;
      if (end) follower.follow();
      if (order.some(({ view }) => !view)) placeRest();
    },
    /** Shows everything anew, in another language. */
    renew() {
      const messages = order.map(({ message }) => message);
      order.forEach(drop);
      order = [];
      this.show(messages, { end: follower.following });
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
    /** Brings a message into view and marks it for a moment. */
    reveal(id) {
      const row = whole(id);
      if (!row) return;
      follower.release();
      row.node.scrollIntoView({ block: 'center' });
      row.node.focus({ preventScroll: true });
      row.node.classList.add('found');
      setTimeout(() => row.node.classList.remove('found'), 2000);
    },
    /** Opens the last question for editing; false when there is none. */
    editLast() {
      const row = order.findLast(({ message }) => message.role === 'user');
      if (row) whole(row.message.id).view.edit();
      return Boolean(row);
    },
    /** The focus goes to a tool of the message, or to the message where it has none of that name. */
    focusOn(id, tool) {
      const row = whole(id);
      if (row) (row.node.querySelector(`.${tool}`) ?? row.node).focus({ preventScroll: true });
    },
    /** Said to screen readers, politely: whole answers, not every piece of them. */
    announce: (text) => (announcer.textContent = text),
  };
}
