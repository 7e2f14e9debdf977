// SPDX-License-Identifier: MIT
// What ties this page to the browser: the service worker, the manifest, storage that is to stay.
import { el } from '../common/dom.js';

const quiet = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 1000));

/**
 * After the first load, and so in nobody's way; then `more`. `policy` is the page's Trusted Types policy. Over
 * plain http there is no worker, nor is one needed.
 */
export function settleIn({ manifest, workerUrl, policy }, more) {
  quiet(() => {
    quiet(more);
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
