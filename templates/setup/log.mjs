// SPDX-License-Identifier: MIT
// logs/install.log: what happened and when, for whoever helps the user. No secret ever gets into it.
import fs from 'node:fs';
import path from 'node:path';

const LARGEST_LOG = 1024 * 1024;

/** Tokens, credentials in URLs and npm's auth settings, wherever they turn up; and the literal `secrets`. */
export function mask(text, secrets = []) {
  let masked = String(text);
  for (const secret of secrets) if (secret) masked = masked.replaceAll(secret, '***');
  return masked
    .replace(/occ_[0-9a-f]{4,}/gi, 'occ_***')
    .replace(/(\w+:\/\/)[^\s/@]+@/g, '$1***@')
    .replace(/(_auth(?:Token)?|_password)(["']?\s*[=:]\s*)\S+/gi, '$1$2***');
}

export class Log {
  /** Throws the file system's error when the folder cannot be written. */
  constructor(file) {
    this.file = file;
    this.secrets = [];
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > LARGEST_LOG) fs.renameSync(file, `${file}.old`);
    this.write(`--- start, node ${process.version}, ${process.platform}-${process.arch}`);
  }

  addSecret(secret) {
    if (secret?.length >= 4) this.secrets.push(secret); // a shorter one would only blot out the log
  }

  write(text) {
    const lines = mask(text, this.secrets).replace(/\n+$/, '').split('\n');
    const time = new Date().toISOString();
    fs.appendFileSync(this.file, lines.map((line) => `${time} ${line}\n`).join(''), { mode: 0o600 });
  }
}
