// SPDX-License-Identifier: MIT
// Buttons that are a drawing, with their name for those who cannot see it.
import { el } from '../common/dom.js';

const drawings = {
  copy: 'M9 9h10v11H9zM5 15V4h10',
  wrap: 'M4 7h16M4 12h13a3 3 0 0 1 0 6h-4m2-2-2 2 2 2M4 17h5',
  again: 'M19 12a7 7 0 1 1-2.1-5M19 4v4h-4',
  edit: 'M5 19l1-4L16.5 4.500l3 3L9 18z',
  before: 'M14.500 6l-6 6 6 6',
  after: 'M9.500 6l6 6-6 6',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  remove: 'M7 7l10 10M17 7L7 17',
  file: 'M7 3h7l4 4v14H7zM14 3v4h4',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
};
const svgSpace = 'http://www.w3.org/2000/svg';

export function drawing(name) {
  const path = document.createElementNS(svgSpace, 'path');
  path.setAttribute('d', drawings[name]);
  const svg = document.createElementNS(svgSpace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(path);
  return svg;
}

/** A button with the drawing `name`; press(button) is run when it is pressed. */
export function iconButton(name, label, press, props = {}) {
  const made = el(
    'button',
    { type: 'button', className: `icon ${name}`, title: label, 'aria-label': label, ...props },
    drawing(name),
  );
  made.addEventListener('click', () => press(made));
  return made;
}

/** Says on the button itself, for a moment, what its press did. */
export function confirmOn(node, words) {
  const before = (node.dataset.label ??= node.getAttribute('aria-label'));
  node.dataset.done = words;
  node.setAttribute('aria-label', words);
  setTimeout(() => {
    delete node.dataset.done;
    node.setAttribute('aria-label', before);
  }, 1600);
}
