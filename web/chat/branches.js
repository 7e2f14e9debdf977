// SPDX-License-Identifier: MIT
// ‹ 2/3 ›: the way between a message and those that stand in its place.
import { el } from '../common/dom.js';
import { iconButton } from './icons.js';

/** The nodes of it; none where there is one message only. */
export function branchButtons(message, { t, chat }) {
  const ids = chat.siblings(message);
  if (ids.length < 2) return [];
  const at = ids.indexOf(message.id);
  const go = (by, name) => {
    const to = ids[at + by];
    const label = t(by < 0 ? 'branchBefore' : 'branchAfter');
    const press = () => chat.branch(to, name);
    // Not `disabled` at the end: that would take the focus away from under the finger.
    return iconButton(name, label, () => to && press(), { 'aria-disabled': String(!to) });
  };
  const place = el('span', { textContent: `${at + 1}/${ids.length}` });
  return [el('span', { className: 'branches' }, go(-1, 'before'), place, go(1, 'after'))];
}
