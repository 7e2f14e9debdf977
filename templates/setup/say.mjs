// SPDX-License-Identifier: MIT
// What the user reads: progress and errors on stderr, results on stdout; all of it in the log too.
import { message } from './messages.mjs';
import { mask } from './log.mjs';

export class Say {
  constructor({ quiet, json, language, log = null }) {
    Object.assign(this, { quiet, json, language, log });
  }

  text(key, values) {
    return message(this.language, key, values);
  }

  step(number, total, key) {
    this.progress(`[${number}/${total}] ${this.text(key)}`);
  }

  note(key, values) {
    this.progress(`      ${this.text(key, values)}`);
  }

  progress(line) {
    this.log?.write(line);
    if (!this.quiet) process.stderr.write(`${line}\n`);
  }

  /** A result; with --json the document stands for all of them. */
  line(key, values) {
    const line = this.text(key, values);
    this.log?.write(line);
    if (!this.json && !this.quiet) process.stdout.write(`${line}\n`);
  }

  document(value) {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  failure(key, values) {
    const line = mask(this.text(key, values), this.log?.secrets);
    process.stderr.write(`${this.text('failedPrefix')}${line}\n`);
    return line;
  }
}
