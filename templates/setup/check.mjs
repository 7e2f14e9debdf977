// SPDX-License-Identifier: MIT
// Step 1: whatever would make a later step fail is found here, named with its cure, before anything is made.
import fs from 'node:fs';
import path from 'node:path';
import { EXIT, Failure } from './failure.mjs';
import { checkRegistry, needsInstall } from './dependencies.mjs';
import { checkServer } from './token.mjs';

const MEGABYTE = 1024 * 1024;
const MEGABYTES_TO_INSTALL = 150; // npm's cache and the unpacked packages, with room to spare
const MEGABYTES_OTHERWISE = 10;
const LONGEST_PACKAGE_PATH = 130; // below the bundle; the longest in the built-in app's packages has 122
const WINDOWS_PATH_LIMIT = 259;

export function thisPlatform() {
  return `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

/** Throws one Failure for all checks that failed, so that the user can cure them in one go. */
export async function checkPc(context) {
  const { bundle, bundleFolder, home, say } = context;
  // With the wrong bundle, or half of one, there is nothing else to cure.
  throwAll([
    await failed(() => checkPlatform(bundle)),
    await failed(() => checkComplete(bundle, bundleFolder)),
  ]);
  const installs = needsInstall(context);
  const checks = [
    () => checkPlace(bundleFolder),
    () => process.platform === 'win32' && checkPathLength(bundle, bundleFolder),
    () => checkSpace(home, installs ? MEGABYTES_TO_INSTALL : MEGABYTES_OTHERWISE),
    () => checkServer(context),
    () => installs && checkRegistry(context),
  ];
  throwAll(await Promise.all(checks.map(failed)));
  protectSecrets(bundleFolder);
  if (process.getuid?.() === 0) say.note('asRoot');
}

/** The Failure of a check, or null. */
async function failed(check) {
  try {
    await check();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function throwAll(outcomes) {
  const [first, ...others] = outcomes.filter(Boolean);
  if (first) throw Object.assign(first, { others });
}

function checkPlatform(bundle) {
  if (thisPlatform() !== bundle.platform) {
    throw new Failure('wrongPlatform', { bundle: bundle.platform, pc: thisPlatform() });
  }
}

/**
 * Programs that show a zip's content and start what is in it unpack it to a folder that they delete after:
 * Explorer (Temp1_x.zip), WinRAR (Rar$EXa1.2), 7-Zip (7zO1), Bandizip (BNZ.1).
 */
export function checkPlace(folder, platform = process.platform) {
  const passing = /[\\/](Temp\d+_[^\\/]*\.zip|Rar\$\w+[\d.]*|7z[OE]\w+|BNZ\.\w+)([\\/]|$)/i;
  if (platform === 'win32' && passing.test(folder)) throw new Failure('notExtracted', { folder });
}

// A virus scanner or a broken download may have taken single files; sizes and hashes are `opencat install`'s.
export function checkComplete(bundle, bundleFolder) {
  const missing = Object.keys(bundle.files ?? {}).filter(
    (name) => !fs.existsSync(path.join(bundleFolder, name)),
  );
  if (missing.length > 0) {
    throw new Failure(
      'incomplete',
      { file: missing[0], count: missing.length },
      EXIT.integrity,
      missing.join('\n'),
    );
  }
}

export function checkPathLength(bundle, bundleFolder) {
  const names = Object.keys(bundle.files ?? {}).map((name) => name.length);
  const longest = Math.max(bundle.app.deps === 'install' ? LONGEST_PACKAGE_PATH : 0, ...names);
  const most = WINDOWS_PATH_LIMIT - 1 - longest;
  if (bundleFolder.length > most) throw new Failure('pathTooLong', { length: bundleFolder.length, most });
}

function checkSpace(home, megabytes) {
  const { bavail, bsize } = fs.statfsSync(home);
  const free = Math.floor((bavail * bsize) / MEGABYTE);
  if (free < megabytes) throw new Failure('diskFull', { free, needed: megabytes, home });
}

// Unzipping gave these files the usual mode; one may hold a token, the other an enrolment key.
function protectSecrets(bundleFolder) {
  for (const name of ['token.json', 'bundle.json']) {
    try {
      fs.chmodSync(path.join(bundleFolder, name), 0o600);
    } catch {
      // Not there, or another user's: nothing to protect, or not ours to change.
    }
  }
}
