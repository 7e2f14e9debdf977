// SPDX-License-Identifier: MIT
// The files that wait beside the field, kept so that a reload does not lose them. They are too large for the session,
// where the half-typed text is; they lie among the history's files, under a name of the tab's own.
import { newId, timeOf } from './ids.js';

const keptFor = 7 * 24 * 60 * 60 * 1000; // milliseconds; then their tab will not come back

/** `draft` as draft.js's: it remembers the tab's name. */
export function createWaitingFiles({ database, draft, now = Date.now }) {
  const tab = draft.tab ?? newId(now());
  const place = placeOf(tab);
  const found = database.files(place).catch(() => []);
  let running = found.then(removeOld);

  /** Those of tabs that were closed long ago. */
  async function removeOld() {
    const places = await database.filePlaces(placeOf('')).catch(() => []);
    const old = places.filter((name) => now() - timeOf(name.slice(placeOf('').length)) > keptFor);
    if (old.length > 0) await database.save({ gone: old }).catch(() => {});
  }

  return {
    /** The files that waited when the page was left. */
    found: async () => (await found).map(({ kind, name, size, data }) => ({ kind, name, size, data })),
    /** Keeps these from now on; where there is no room, for as long as the page is open. */
    keep(files) {
      draft.tab = tab;
      const records = files.map((file) => ({ ...file, id: newId(now()), conversation: place }));
      running = running
        .then(() => database.save({ gone: [place] }))
        .then(() => records.length > 0 && database.save({ files: records }))
        .catch(() => {});
      return running;
    },
  };
}

const placeOf = (tab) => `waiting:${tab}`;
