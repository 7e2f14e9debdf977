// SPDX-License-Identifier: MIT
// data/receipt.json: what installing made, so that uninstalling removes that and nothing else.
// A thing is recorded before it is made: whenever the installation is killed, the receipt misses nothing.
import fs from 'node:fs';
import path from 'node:path';
import { isInside, readJson, sha256, writeAtomically } from './files.mjs';

export const RECEIPT = path.join('data', 'receipt.json');

export class Receipt {
  /** Entries: {path, kind: 'file'|'tree', sha256?: [hash, …]}, or app_config's of kind 'values'; a path inside the home is relative to it, so that a moved folder still uninstalls. */
  constructor(home) {
    this.home = home;
    this.file = path.join(home, RECEIPT);
    this.entries = readJson(this.file)?.made ?? [];
  }

  absolute(entry) {
    return path.resolve(this.home, entry.path);
  }

  find(file) {
    return this.entries.find((entry) => this.absolute(entry) === file);
  }

  /** `hash` says what the content will be; the one before is kept too, as a killed run may not have got to writing. */
  record(file, kind, hash) {
    const old = this.find(file);
    const name = isInside(file, this.home) ? path.relative(this.home, file) : file;
    const entry = { path: name, kind };
    if (hash) entry.sha256 = [...new Set([hash, ...(old?.sha256 ?? [])])].slice(0, 2);
    this.#replace(old, entry);
  }

  /** Records what is ours in a file of the user's; the kind and its members are the recorder's. */
  recordEntry(file, entry) {
    this.#replace(this.find(file), { path: file, ...entry });
  }

  forget(entry) {
    this.entries = this.entries.filter((each) => each !== entry);
    this.save();
  }

  #replace(old, entry) {
    if (old && JSON.stringify(old) === JSON.stringify(entry)) return;
    this.entries = [...this.entries.filter((each) => each !== old), entry];
    this.save();
  }

  save() {
    writeAtomically(this.file, `${JSON.stringify({ format: 1, made: this.entries }, null, 2)}\n`, 0o600);
  }

  /** Records and writes a file of the home, which is ours as a whole. */
  writeFile(file, content, mode) {
    this.record(file, 'file');
    writeAtomically(file, content, mode);
  }

  /** The same for a file among the user's own, such as on the desktop: it is ours only as long as it is unchanged. */
  writeAmongOthers(file, content, mode) {
    this.record(file, 'file', sha256(content));
    writeAtomically(file, content, mode);
  }

  /** Whether there is nothing at `file`, or only what we made there. */
  isFree(file) {
    const content = readOrNull(file);
    return content === null || Boolean(this.find(file)?.sha256?.includes(sha256(content)));
  }
}

function readOrNull(file) {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}
