// SPDX-License-Identifier: MIT
// Small file operations. All synchronous: the steps run one after the other and none has anything to overlap with.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { EXIT, Failure } from './failure.mjs';

const SHARING_VIOLATIONS = new Set(['EPERM', 'EACCES', 'EBUSY']);
const BUSY_PATIENCE_MS = 30_000;

export const sha256 = (content) => createHash('sha256').update(content).digest('hex');

/** The parsed file, or null when there is none or it is not JSON (half-written by something else: as good as none). */
export function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * The whole content under its final name, or nothing of it. The temporary name is fixed, not random, so that
 * a killed run's leftover is overwritten by the next one instead of staying behind.
 */
export function writeAtomically(file, content, mode = 0o644) {
  const temporary = `${file}.new`;
  if (!fs.existsSync(path.dirname(file))) fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = fs.openSync(temporary, 'w', mode);
  try {
    fs.fchmodSync(handle, mode); // a leftover keeps its own mode, and the umask takes from a new one's
    fs.writeFileSync(handle, content);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  renameStubbornly(temporary, file);
}

const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);

/**
 * Does `work` on the file; on Windows, where a virus scanner or another program may hold it for a moment, again every
 * 100 ms for 30 s. `system` is this PC, but in tests.
 */
function stubbornly(file, work, system) {
  const { platform = process.platform, now = Date.now, wait = pause } = system;
  const end = now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (platform !== 'win32' || !SHARING_VIOLATIONS.has(error.code)) throw error;
      if (now() >= end) {
        const values = { file, seconds: BUSY_PATIENCE_MS / 1000, reason: error.code };
        throw new Failure('fileInUse', values, EXIT.failed, error.stack);
      }
      wait();
    }
  }
}

export function renameStubbornly(from, to, { rename = fs.renameSync, ...system } = {}) {
  stubbornly(to, () => rename(from, to), system);
}

/** Removes a file, or with `recursive` a folder and all in it; where none is, that is well. */
export function removeStubbornly(file, { recursive = false, remove = fs.rmSync, ...system } = {}) {
  stubbornly(file, () => remove(file, { recursive, force: true }), system);
}

/** The user's home folder, or null: where HOME is not set, a user without an entry in /etc/passwd has none. */
export function userHome() {
  try {
    return os.homedir() || null;
  } catch {
    return null;
  }
}

/** Whether `file` is `folder` or lies in it. */
export function isInside(file, folder) {
  const relative = path.relative(folder, file);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}
