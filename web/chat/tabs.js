// SPDX-License-Identifier: MIT
// What ties this page to the browser: the service worker, the manifest, storage that is to stay.
import { el } from '../common/dom.js';

/**
 * After the first load, and so in nobody's way. `policy` is the page's Trusted Types policy. None of it is
 * there over plain http, nor needed.
 */
export function settleIn({ manifest, workerUrl, policy }) {
  const quiet = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 1000));
  quiet(() => {
    document.head.append(el('link', { rel: 'manifest', href: manifest }));
    const worker = navigator.serviceWorker;
    worker
      ?.register(policy ? policy.createScriptURL(workerUrl) : workerUrl, { updateViaCache: 'none' })
      .catch(() => {});
  });
}

/** Asks the browser to keep what is stored, once there is something worth keeping. */
export function keepStorage() {
  navigator.storage?.persist?.().catch(() => {});
}
