// SPDX-License-Identifier: MIT
// The page's one Trusted Types policy. The pages' Content-Security-Policy names it and allows no other.

/**
 * `workerUrl`: the one script URL it lets through. Text becomes HTML nowhere but inside DOMPurify, which makes
 * its own empty documents by it. undefined where the browser has no Trusted Types.
 */
export function createPolicy(workerUrl) {
  return globalThis.trustedTypes?.createPolicy('opencat', {
    createHTML: (text) => text,
    createScriptURL(url) {
      if (url !== workerUrl) throw new TypeError('no other script is loaded');
      return url;
    },
  });
}
