// SPDX-License-Identifier: MIT
// The scrolling that follows a growing answer until the reader leaves its end.
import { byId } from '../common/dom.js';

const nearEnd = 48; // pixels from the end that still count as reading along

/** Of the thread inside the scroller: {following, follow(), release(), keepPlace(change)}. */
export function createFollower() {
  const scroller = byId('scroller');
  const toEnd = byId('to-end');
  let following = true;
  let height = 0;

  function follow() {
    following = true;
    toEnd.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  }

  scroller.addEventListener('scroll', () => {
    // Messages that come near get their real height, which moves the end; only the reader leaves it.
    const moved = height !== scroller.scrollHeight;
    height = scroller.scrollHeight;
    if (moved && following) return follow();
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < nearEnd;
    toEnd.hidden = following;
  });
  toEnd.addEventListener('click', () => {
    follow();
    byId('input').focus();
  });
  // The field grows, the window turns, the keyboard opens: the end stays where it is being read.
  const watcher = new ResizeObserver(() => following && follow());
  watcher.observe(scroller);
  watcher.observe(byId('thread'));

  return {
    follow,
    get following() {
      return following;
    },
    /** The reader is brought elsewhere. */
    release() {
      following = false;
    },
    /** Runs `change`, which puts something above what is read, and lets that stay where it is. */
    keepPlace(change) {
      if (following) {
        change();
        return follow();
      }
      if (CSS.supports('overflow-anchor', 'auto')) return change(); // the browser does so itself
      const before = scroller.scrollHeight;
      change();
      scroller.scrollTop += scroller.scrollHeight - before;
    },
  };
}
