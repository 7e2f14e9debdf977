// SPDX-License-Identifier: MIT
// What the user reads: progress and errors on stderr, results on stdout; all of it in the log too.
import { message } from './messages.mjs';
import { mask } from './log.mjs';

const SPINNER = '|/-\\'; // ASCII: the console of an old Windows has nothing else
const FRAME_MS = 150;

export class Say {
  constructor({ quiet, json, language, log = null }) {
    Object.assign(this, { quiet, json, language, log, spinning: false });
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
    this.#clear();
    if (!this.quiet) process.stderr.write(`${line}\n`);
  }

  /** Waits for the work; on a terminal a spinner with its seconds shows that it goes on. */
  async during(work) {
    const moves = process.stderr.isTTY && process.env.TERM !== 'dumb' && !this.quiet;
    if (!moves) return work;
    const begun = Date.now();
    let frame = 0;
    const clear = () => this.#clear();
    const timer = setInterval(() => {
      this.spinning = true;
      frame += 1;
      const seconds = Math.floor((Date.now() - begun) / 1000);
      process.stderr.write(`\r      ${SPINNER[frame % SPINNER.length]} ${seconds} s`);
    }, FRAME_MS);
    process.once('exit', clear); // Ctrl-C ends npm, and this process with it
    try {
      return await work;
    } finally {
      clearInterval(timer);
      process.removeListener('exit', clear);
      clear();
    }
  }

  #clear() {
    if (this.spinning) process.stderr.write('\r\x1b[K');
    this.spinning = false;
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
