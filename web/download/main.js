// SPDX-License-Identifier: MIT
// The download page: the zip for this computer first, then all of them.
import { byId, el } from '../common/dom.js';
import { createWords, languageOf } from '../common/i18n.js';
import { visitorPlatform } from './platform.js';
import { words as allWords } from './words.js';

const NAMES = {
  'win-x64': 'winX64',
  'win-arm64': 'winArm64',
  'darwin-arm64': 'darwinArm64',
  'darwin-x64': 'darwinX64',
  'linux-x64': 'linuxX64',
  'linux-arm64': 'linuxArm64',
};
const DOORS = { win: 'install.bat', darwin: 'install.command', linux: 'install.sh' };

const words = createWords(allWords, languageOf(navigator.language));
const { t } = words;
words.fill(document.documentElement);
document.title = `${t('title')}`;
byId('page').hidden = false;
byId('retry').addEventListener('click', load);
load();

async function load() {
  say('looking');
  byId('retry').hidden = true;
  let downloads;
  try {
    const answer = await fetch('api/downloads', { cache: 'no-cache' });
    if (!answer.ok) throw new Error(String(answer.status));
    ({ downloads } = await answer.json());
  } catch {
    say('failed');
    byId('retry').hidden = false;
    return;
  }
  show(
    downloads.filter(({ platform }) => platform in NAMES),
    await visitorPlatform(navigator),
  );
}

function say(key) {
  byId('words').hidden = !key;
  byId('words').textContent = key ? t(key) : '';
}

function show(downloads, { platform, sure }) {
  const mine = downloads.find((each) => each.platform === platform);
  say(downloads.length === 0 ? 'none' : mine ? '' : 'notHere');
  const best = byId('best');
  best.hidden = !mine;
  if (mine) {
    best.href = mine.path;
    byId('best-name').textContent = t('get', { name: nameOf(mine) });
    byId('best-size').textContent = sizeOf(mine);
    byId('door').textContent = t('start', { door: DOORS[mine.platform.split('-')[0]] });
  }
  byId('guess').hidden = !mine || sure;
  byId('how').hidden = !mine;
  byId('all').hidden = downloads.length === 0;
  byId('list').replaceChildren(...downloads.map(row));
  byId('sums').replaceChildren(...downloads.map(sum));
}

function row(download) {
  const link = el('a', { href: download.path }, nameOf(download));
  return el('li', {}, link, el('span', { className: 'size' }, sizeOf(download)));
}

// As `sha256sum -c` reads it.
const sum = ({ sha256, file }) => el('li', {}, el('code', {}, `${sha256}  ${file}`));

const nameOf = ({ platform }) => t(NAMES[platform]);
const sizeOf = ({ size }) => `${Math.max(1, Math.round(size / 1e6))} MB`;
