// SPDX-License-Identifier: MIT
// The conversation on the page, and the scrolling that follows a growing answer until the reader leaves
// its end.
import { byId, el } from '../common/dom.js';
import { createMarkdownView } from '../common/markdown.js';

const nearEnd = 48; // pixels from the end that still count as reading along

export function createThread({ t, onRetry }) {
  const scroller = byId('scroller');
  const thread = byId('thread');
  const empty = byId('empty');
  const toEnd = byId('to-end');
  const announcer = byId('announcer');
  const nodes = new WeakMap(); // a message's node
  let following = true;

  const endDistance = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  const follow = () => {
    following = true;
    toEnd.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  };
  scroller.addEventListener('scroll', () => {
    following = endDistance() < nearEnd;
    toEnd.hidden = following;
  });
  toEnd.addEventListener('click', () => {
    follow();
    byId('input').focus();
  });
  // The field grows, the window turns, the keyboard opens: the end stays where it is being read.
  new ResizeObserver(() => following && follow()).observe(scroller);

  /**
   * Adds a message. For an answer returns paint(writing), which shows what the message holds by then: at
   * most once a frame while it is being written.
   */
  function add(message) {
    const ask = message.role === 'user';
    const name = el('h2', { className: 'unseen', textContent: t(ask ? 'you' : 'answer') });
    const node = el('article', { className: ask ? 'question' : 'answer' }, name);
    nodes.set(message, node);
    empty.hidden = true;
    thread.append(node);
    if (!ask) return painter(node, createAnswerView(node, message, { t, onRetry }));
    node.append(el('p', { textContent: message.content }));
    return null;
  }

  function painter(node, view) {
    let frame = 0;
    const draw = (writing) => {
      frame = 0;
      if (!node.isConnected) return;
      view(writing);
      if (following) follow();
    };
    return (writing) => {
      if (writing) {
        frame ||= requestAnimationFrame(() => draw(true));
        return;
      }
      cancelAnimationFrame(frame); // the last state is drawn at once: hidden tabs have no frames
      draw(false);
    };
  }

  return {
    add,
    follow,
    /** Shows another conversation. */
    show(messages) {
      thread.replaceChildren();
      empty.hidden = messages.length > 0;
      for (const message of messages) add(message)?.(false);
      follow();
    },
    remove(message) {
      nodes.get(message)?.remove();
      empty.hidden = thread.childElementCount > 0;
    },
    /** Said to screen readers, politely: whole answers, not every piece of them. */
    announce: (text) => (announcer.textContent = text),
  };
}

function createAnswerView(node, message, { t, onRetry }) {
  const waiting = el('p', { className: 'waiting', 'aria-label': t('answering') }, el('i'), el('i'), el('i'));
  const body = el('div', { className: 'prose' });
  const foot = el('footer');
  const showText = createMarkdownView(body);
  let reasoning = null;
  node.append(body, foot);

  return function draw(writing) {
    if (message.reasoning) {
      if (!reasoning) body.before((reasoning = createReasoning()));
      reasoning.lastChild.textContent = message.reasoning;
      reasoning.firstChild.textContent = t(writing && !message.content ? 'reasoningNow' : 'reasoning');
      reasoning.classList.toggle('now', writing && !message.content);
    }
    showText(message.content);
    if (writing && !message.content && !message.reasoning) node.append(waiting);
    else waiting.remove();
    node.classList.toggle('writing', writing && message.content !== '');
    if (writing) return foot.replaceChildren();
    const state = message.state ? el('span', { className: 'state', textContent: t(message.state) }) : null;
    const retry = el('button', {
      type: 'button',
      className: 'small',
      textContent: t('retry'),
      onclick: onRetry,
    });
    const model = message.model ? el('span', { className: 'model', textContent: message.model }) : null;
    foot.replaceChildren(...[state, state && retry, model].filter(Boolean));
  };
}

const createReasoning = () =>
  el('details', { className: 'reasoning' }, el('summary'), el('div', { className: 'plain' }));
