// SPDX-License-Identifier: MIT
// 0 done, 1 failed, 2 wrong usage, 3 network, 4 integrity, 5 not permitted, 130 interrupted.
export const EXIT = { failed: 1, usage: 2, network: 3, integrity: 4, notPermitted: 5, interrupted: 130 };

/** What stops the installation: `key` names the sentence in messages.mjs, `detail` goes to the log alone. */
export class Failure extends Error {
  constructor(key, values = {}, exitCode = EXIT.failed, detail = '') {
    super(key);
    Object.assign(this, { key, values, exitCode, detail });
  }
}
