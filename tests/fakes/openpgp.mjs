// SPDX-License-Identifier: MIT
// A person with an OpenPGP key, made by the real gpg for one test.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A signer who goes when the test ends. Times are gpg's ("20220101T000000"); without one it is now. */
export class Signer {
  constructor(t, name, { made = '20200101T000000' } = {}) {
    // Not below a test's own folder: the path of gpg-agent's socket must be short.
    this.home = fs.mkdtempSync(path.join(os.tmpdir(), 'oc-gpg-'));
    fs.chmodSync(this.home, 0o700);
    t.after(() => {
      execFileSync('gpgconf', ['--homedir', this.home, '--kill', 'all'], { stdio: 'ignore' });
      fs.rmSync(this.home, { recursive: true, force: true });
    });
    this.name = name;
    this.#gpg(['--quick-gen-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', 'never'], {
      time: made,
    });
    const listing = this.#gpg(['--list-keys', '--with-colons']).toString();
    this.fingerprint = /^fpr:+([0-9A-F]{40})/m.exec(listing)[1];
  }

  #gpg(words, { time, input } = {}) {
    const always = ['--homedir', this.home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
    const at = time ? ['--faked-system-time', `${time}!`] : [];
    const stdio = ['pipe', 'pipe', 'ignore'];
    return execFileSync('gpg', [...always, ...at, ...words], { input: input ?? '', stdio });
  }

  detached(text, time) {
    return this.#gpg(['--detach-sign'], { input: text, time });
  }
  clearsigned(text, time) {
    return this.#gpg(['--clear-sign'], { input: text, time });
  }
  /** Adds a subkey that signs from now on. */
  addSigningSubkey() {
    this.#gpg(['--quick-add-key', this.fingerprint, 'ed25519', 'sign', 'never']);
  }
  expireAt(date, time) {
    this.#gpg(['--quick-set-expire', this.fingerprint, date], { time });
  }
  revoke() {
    const file = path.join(this.home, 'openpgp-revocs.d', `${this.fingerprint}.rev`);
    // gpg guards the block from being imported by accident with a colon.
    this.#gpg(['--import'], { input: fs.readFileSync(file, 'utf8').replace(/^:---/m, '---') });
  }
  get publicKey() {
    return this.#gpg(['--armor', '--export', this.fingerprint]);
  }
}
