// SPDX-License-Identifier: MIT
// Ids that sort by the time they were made. crypto.randomUUID would want https, which a home network lacks.
let last = 0;

/** When an id was made, in milliseconds. */
export const timeOf = (id) => parseInt(id.slice(0, 9), 36);

/** A new id; later ones of this tab sort behind earlier ones, even within one millisecond. */
export function newId(now = Date.now()) {
  last = Math.max(now, last + 1);
  const random = crypto.getRandomValues(new Uint32Array(2));
  return (
    last.toString(36).padStart(9, '0') + [...random].map((n) => n.toString(36).padStart(7, '0')).join('')
  );
}
