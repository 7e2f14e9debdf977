// SPDX-License-Identifier: MIT
// Asks again and again while somebody looks.

/**
 * `look(signal)` is awaited, and again `every_ms` after it ended, while the page can be seen; at once when it is seen
 * again. {start(), stop()}
 */
export function createPolling(look, every_ms) {
  let waiting = null;
  let running = null;

  async function turn() {
    clearTimeout(waiting);
    if (document.hidden || running) return;
    running = new AbortController();
    const { signal } = running;
    await look(signal);
    if (signal.aborted) return;
    running = null;
    waiting = setTimeout(turn, every_ms);
  }

  return {
    start() {
      document.addEventListener('visibilitychange', turn);
      return turn();
    },
    stop() {
      document.removeEventListener('visibilitychange', turn);
      clearTimeout(waiting);
      running?.abort();
      running = null;
    },
  };
}
