// SPDX-License-Identifier: MIT
// An answer on the page, while it is written and afterwards.
import { el } from '../common/dom.js';
import { createMarkdownView } from '../common/markdown.js';
import { branchButtons } from './branches.js';
import { copyText } from './clipboard.js';
import { confirmOn, iconButton } from './icons.js';

const canGoOn = ['broken', 'stopped', 'length'];

/** Fills `node` with `message`; draw() shows what it holds by then. */
export function createAnswer(node, message, { t, enricher, chat }) {
  const waiting = el(
    'p',
    { className: 'waiting', role: 'img', 'aria-label': t('answering') },
    el('i'),
    el('i'),
    el('i'),
  );
  const body = el('div', { className: 'prose' });
  const foot = el('footer');
  const name = el('h2', { className: 'unseen', textContent: t('answer') });
  const showText = createMarkdownView(body, enricher);
  let reasoning = null;
  let shown = ''; // the text the view has
  let tools = '';
  node.replaceChildren(name, body, foot);

  function draw() {
    const writing = chat.isWriting(message);
    if (message.reasoning) drawReasoning(writing && !message.content);
    if (message.content || shown) showText(message.content, !writing);
    shown = message.content;
    if (writing && !message.content && !message.reasoning) body.before(waiting);
    else waiting.remove();
    node.classList.toggle('writing', writing && message.content !== '');
    drawFoot(writing);
  }

  function drawReasoning(now) {
    if (!reasoning) {
      reasoning = el('details', { className: 'reasoning' }, el('summary'), el('div', { className: 'plain' }));
      body.before(reasoning);
    }
    const [summary, text] = reasoning.children;
    const words = t(now ? 'reasoningNow' : 'reasoning');
    if (summary.textContent !== words) summary.textContent = words;
    const had = text.firstChild?.length ?? 0;
    if (had === 0) text.textContent = message.reasoning;
    else if (message.reasoning.length > had) text.firstChild.appendData(message.reasoning.slice(had));
    reasoning.classList.toggle('now', now);
  }

  function drawFoot(writing) {
    const state = message.state === 'writing' && !writing ? 'broken' : message.state;
    const key = writing ? 'writing' : `${state} ${chat.siblings(message).join()} ${message.model}`;
    if (key === tools) return;
    tools = key;
    if (writing) return foot.replaceChildren();
    const goes = canGoOn.includes(state) && message.content !== '';
    const parts = [
      state &&
        el(
          'span',
          { className: 'state-line' },
          el('span', { className: 'state', textContent: t(state) }),
          goes ? goOnButton() : null,
        ),
      el(
        'span',
        { className: 'tools' },
        ...branchButtons(message, { t, chat }),
        iconButton('copy', t('copyAnswer'), async (self) =>
          confirmOn(self, t((await copyText(message.content)) ? 'copied' : 'copyFailed')),
        ),
        iconButton('again', t('retry'), () => chat.again(message)),
      ),
      message.model && el('span', { className: 'model', textContent: message.model }),
    ];
    foot.replaceChildren(...parts.filter(Boolean));
  }

  const goOnButton = () =>
    el('button', {
      type: 'button',
      className: 'small',
      textContent: t('goOn'),
      onclick: () => chat.goOn(message),
    });

  return { draw };
}
