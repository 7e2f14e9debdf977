// SPDX-License-Identifier: MIT
// Formulas as MathML, by Temml. A part of its own, loaded when the first formula is there.
import temml from 'temml';
import { purify } from './purify.js';

const options = {
  throwOnError: true,
  trust: false, // no \href, \includegraphics or the like
  maxExpand: 500,
  maxSize: [20, 20],
  strict: false,
  annotate: false,
};

/** Puts the formula `source` into `node`; throws when it is none, with `node` as it was. */
export function formula(node, source, display, policy) {
  const box = document.createElement('span');
  temml.render(source, box, { ...options, displayMode: display });
  purify(box, policy);
  node.replaceChildren(...box.childNodes);
}
