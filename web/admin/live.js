// SPDX-License-Identifier: MIT
// A view that asks the server again and again, and says whether what it shows is what is.
import { el } from '../common/dom.js';
import { createPolling } from './polling.js';

/** `ask(options)` is awaited every `every_ms` and its answer given to `render`: {pulse, show(), hide()}; `pulse` is the node that says how it goes. */
export function createLive(app, every_ms, ask, render) {
  const pulse = createPulse(app);
  const polling = createPolling(async (signal) => {
    try {
      const answer = await ask({ signal });
      app.well();
      pulse.beat(true);
      render(answer);
    } catch (error) {
      pulse.beat(false);
      app.fail(error, again);
    }
  }, every_ms);
  const again = () => {
    polling.stop();
    polling.start();
  };
  return { pulse: pulse.node, show: () => polling.start(), hide: () => polling.stop() };
}

function createPulse({ t, format }) {
  const words = el('span', {});
  const node = el('p', { className: 'pulse' }, el('i', { 'aria-hidden': 'true' }), words);
  return {
    node,
    beat(well) {
      node.classList.toggle('still', !well);
      words.textContent = well ? `${t('live')} · ${format.clock(new Date().toISOString())}` : t('paused');
    },
  };
}
