// SPDX-License-Identifier: MIT
// Removes what the receipt says was made, and nothing else; the launcher first, the receipt last,
// so that a killed run can simply be started again.
import fs from 'node:fs';
import path from 'node:path';
import { EXIT, Failure } from './failure.mjs';
import { VALUES, takeBack } from './app_config.mjs';
import { isInside, removeStubbornly, sha256 } from './files.mjs';
import { launcherName } from './launcher.mjs';
import { Receipt } from './receipt.mjs';
import { configFile } from './token.mjs';

export function uninstall({ home, bundleFolder, bundle, options, say }) {
  const receipt = new Receipt(home);
  const outcome = { home, removed: [], kept: [] };
  if (!fs.existsSync(receipt.file)) {
    removeReceipt(receipt, outcome, home, false); // an installation killed at its very first write
    say.line('nothingInstalled', { home });
    return outcome;
  }
  const launcher = path.join(home, launcherName(bundle.platform));
  const entries = [...receipt.entries].sort(
    (a, b) => rank(receipt, a, launcher) - rank(receipt, b, launcher),
  );
  for (const entry of entries) {
    const file = receipt.absolute(entry);
    if (entry.kind === VALUES) takeBack(entry, file);
    else if (options.keepToken && file === configFile(home)) outcome.kept.push(file);
    else if (!mayRemove(entry, file, [home, bundleFolder])) {
      outcome.kept.push(file);
      say.line('keptChanged', { file });
    } else {
      if (fs.existsSync(file)) outcome.removed.push(file);
      remove(entry, file);
    }
  }
  removeReceipt(receipt, outcome, home, options.keepToken);
  say.line(outcome.kept.length > 0 ? 'uninstalledKept' : 'uninstalled', {
    home,
    kept: outcome.kept.join(', '),
  });
  return outcome;
}

const rank = (receipt, entry, launcher) => (receipt.absolute(entry) === launcher ? 0 : 1);

// A receipt that was tampered with must not become a way to delete anything at all.
function mayRemove(entry, file, folders) {
  if (folders.some((folder) => file !== folder && isInside(file, folder))) return true;
  if (entry.kind !== 'file') return false;
  const content = fs.existsSync(file) ? fs.readFileSync(file) : null;
  return content === null || Boolean(entry.sha256?.includes(sha256(content)));
}

function remove(entry, file) {
  try {
    removeStubbornly(file, { recursive: entry.kind === 'tree' });
    removeStubbornly(`${file}.new`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('cannotRemove', { file, reason: error.code }, EXIT.failed, error.message);
  }
}

function removeReceipt(receipt, outcome, home, keepToken) {
  if (keepToken && outcome.kept.includes(configFile(home))) {
    // A later uninstall without --keep-token still has to know whose the configuration is.
    receipt.entries = receipt.entries.filter((entry) => receipt.absolute(entry) === configFile(home));
    receipt.save();
  } else remove({ kind: 'file' }, receipt.file);
  for (const folder of ['data', 'logs']) removeIfEmpty(path.join(home, folder));
}

function removeIfEmpty(folder) {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Something of the user's is in it, or it is not there.
  }
}
