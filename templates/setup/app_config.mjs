// SPDX-License-Identifier: MIT
// Also of step 4: the app's own configuration files in the user's home, of which bundle.json names single values.
// A value is set where there is none, or where it is still what we set before (the receipt holds its digest). What the
// user chose stays, as does a file that cannot be read; and uninstalling takes back exactly what is still ours.
import fs from 'node:fs';
import path from 'node:path';
import { Failure } from './failure.mjs';
import { sha256, userHome, writeAtomically } from './files.mjs';

export const VALUES = 'values'; // the kind of a receipt's entry: {path, kind, values, parents, created, folders}

export function configureApp(context) {
  const { bundle, grant, receipt, say } = context;
  const given = { ...grant, server_url: bundle.server_url };
  const wanted = new Map(
    (bundle.app.config ?? []).map(({ file, merge }) => [inHome(file), filled(merge, given)]),
  );
  // What an app before this one had configured.
  for (const entry of receipt.entries.filter(({ kind }) => kind === VALUES)) {
    const file = receipt.absolute(entry);
    if (wanted.has(file)) continue;
    takeBack(entry, file);
    receipt.forget(entry);
  }
  for (const [file, merge] of wanted) {
    if (!mergeInto(context, file, merge)) leave(context, file, merge);
    else say.note('appConfigured', { file });
  }
}

function inHome(file) {
  const home = userHome();
  if (!home) throw new Failure('noHome', { file });
  return path.join(home, ...file.split('/').slice(1));
}

function filled(value, given) {
  if (typeof value === 'string')
    return value.replace(/\{\{(\w+)\}\}/g, (whole, name) => given[name] ?? whole);
  if (Array.isArray(value)) return value.map((each) => filled(each, given));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, given)]));
}

/** False when the file is there and is not a JSON object: it may be JSON5, with comments that would be lost. */
function mergeInto({ receipt, say, grant }, file, merge) {
  const target = realFile(file);
  const text = readText(target);
  const document = text === null ? {} : parsed(text);
  if (!document) return false;
  const before = JSON.stringify(document);
  const old = receipt.find(file);
  const known = old?.kind === VALUES ? old : { values: [], parents: [], folders: [], created: text === null };
  const leaves = leavesOf(merge);
  const entry = { ...known, values: [], parents: [...known.parents] };
  removeOurs(document, {
    values: known.values.filter(({ at }) => !leaves.some((leaf) => same(leaf.at, at))),
    parents: known.parents,
  });
  for (const { at, value } of leaves) {
    const ours = known.values.find((each) => same(each.at, at))?.sha256 ?? [];
    const set = setValue(document, at, value, ours, entry.parents);
    if (set) entry.values.push({ at, sha256: [...new Set([hashOf(value), ...ours])].slice(0, 2) });
    else if (!same(valueAt(document, at), value)) say.note('appValueKept', { file, name: at.join('.') });
  }
  if (entry.values.length === 0 && !known.values.length) return true;
  entry.folders = [...new Set([...known.folders, ...missingFolders(path.dirname(target))])];
  entry.created = known.created || text === null;
  receipt.recordEntry(file, { ...entry, kind: VALUES }); // before it is made, as everything
  if (JSON.stringify(document) === before && text !== null) return true;
  const secret = text === null || JSON.stringify(merge).includes(grant.token);
  writeAtomically(target, written(document, text), secret ? 0o600 : fs.statSync(target).mode & 0o777);
  return true;
}

/** What the user has to put in by hand stands in a file of ours. */
function leave({ home, receipt, say }, file, merge) {
  const wanted = path.join(home, 'data', `add-to-${path.basename(file)}`);
  receipt.writeFile(wanted, `${JSON.stringify(merge, null, 2)}\n`, 0o600);
  say.note('appConfigUnreadable', { file, wanted });
}

/** Takes what is still ours out of the file, and with it what was made for it alone. */
export function takeBack(entry, file) {
  const target = realFile(file);
  const text = readText(target);
  const document = text === null ? null : parsed(text);
  if (document) {
    const before = JSON.stringify(document);
    removeOurs(document, entry);
    if (entry.created && Object.keys(document).length === 0) fs.rmSync(target, { force: true });
    else if (JSON.stringify(document) !== before) {
      writeAtomically(target, written(document, text), fs.statSync(target).mode & 0o777);
    }
  }
  fs.rmSync(`${target}.new`, { force: true });
  for (const folder of entry.folders ?? []) {
    try {
      fs.rmdirSync(folder);
    } catch {
      // Something of the user's is in it, or it is not there.
    }
  }
}

function removeOurs(document, { values, parents }) {
  for (const { at, sha256: hashes } of values) {
    const holder = valueAt(document, at.slice(0, -1));
    const current = valueAt(document, at);
    if (current !== undefined && hashes.includes(hashOf(current))) delete holder[at.at(-1)];
  }
  for (const at of [...parents].sort((a, b) => b.length - a.length)) {
    const current = valueAt(document, at);
    if (isObject(current) && Object.keys(current).length === 0) {
      delete valueAt(document, at.slice(0, -1))[at.at(-1)];
    }
  }
}

/** Sets the value unless the user has another there; notes the objects made on the way. True: the value is ours. */
function setValue(document, at, value, ours, parents) {
  let holder = document;
  const made = [];
  for (const [depth, name] of at.slice(0, -1).entries()) {
    if (!Object.hasOwn(holder, name)) {
      holder[name] = {};
      made.push(at.slice(0, depth + 1));
    }
    holder = holder[name];
    if (!isObject(holder)) return false;
  }
  const name = at.at(-1);
  if (Object.hasOwn(holder, name) && !ours.includes(hashOf(holder[name]))) return false;
  holder[name] = value;
  parents.push(...made.filter((each) => !parents.some((known) => same(known, each))));
  return true;
}

/** Every value that is no object with members, lists as a whole, with the way to it. */
function leavesOf(value, at = []) {
  if (!isObject(value) || (at.length > 0 && Object.keys(value).length === 0)) return [{ at, value }];
  return Object.entries(value).flatMap(([name, each]) => leavesOf(each, [...at, name]));
}

function valueAt(document, at) {
  return at.reduce(
    (value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    document,
  );
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

// The same whatever the order of an object's members, which an editor may change.
function canonical(value) {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, canonical(value[name])]),
  );
}
const textOf = (value) => JSON.stringify(canonical(value)) ?? '';
const same = (a, b) => textOf(a) === textOf(b);
const hashOf = (value) => sha256(textOf(value));

function parsed(text) {
  if (text.trim() === '') return {};
  try {
    const document = JSON.parse(text.replace(/^\ufeff/, ''));
    return isObject(document) ? document : null;
  } catch {
    return null;
  }
}

/** As the file was indented before. */
function written(document, text) {
  return `${JSON.stringify(document, null, /^([ \t]+)"/m.exec(text ?? '')?.[1] ?? 2)}\n`;
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Where a link leads: people keep such files elsewhere and link them. */
function realFile(file) {
  try {
    return fs.realpathSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return file;
    throw error;
  }
}

/** The folders that are yet to be made, the deepest first. */
function missingFolders(folder) {
  if (fs.existsSync(folder) || path.dirname(folder) === folder) return [];
  return [folder, ...missingFolders(path.dirname(folder))];
}
