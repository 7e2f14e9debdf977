// SPDX-License-Identifier: MIT
// The focus stays where the reader is, though what had it is made anew or gone.

const focusable = 'a[href], button:not(:disabled), input:not(:disabled), select, textarea';
const reachable = (container) =>
  [...container.querySelectorAll(focusable)].filter((node) => node.checkVisibility());

/**
 * Runs `render`, which makes `container`'s content anew. What had the focus gets it again by its data-key; if that is
 * gone, what stands in its place; if nothing does, the container itself, which has a tabindex.
 */
export function keepingFocus(container, render) {
  const active = document.activeElement;
  const inside = container.contains(active) && active !== container;
  const key = inside ? active.dataset.key : undefined;
  const place = inside ? reachable(container).indexOf(active) : -1;
  render();
  if (!inside || (active.isConnected && active.checkVisibility())) return;
  const same = key && container.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const all = reachable(container);
  (same || all[Math.min(place, all.length - 1)] || container).focus({ preventScroll: true });
}
