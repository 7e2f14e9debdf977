// SPDX-License-Identifier: MIT
// The last wall: whatever a library made passes DOMPurify before the page shows it.
import DOMPurify from 'dompurify';

/** Takes out of `root` what could run or be fetched; `policy` is the page's Trusted Types policy, or undefined. */
export function purify(root, policy) {
  DOMPurify.sanitize(root, {
    IN_PLACE: true,
    USE_PROFILES: { html: true, mathMl: true },
    FORBID_TAGS: ['a', 'img', 'form', 'input', 'button', 'style', 'video', 'audio', 'source'],
    FORBID_ATTR: ['href', 'src', 'srcset', 'action', 'xlink:href', 'background', 'poster'],
    ...(policy && { TRUSTED_TYPES_POLICY: policy }),
  });
}
