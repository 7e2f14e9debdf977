// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { safeStorage } from '../common/storage.js';
import { createTokenKeeper, takeFromAddress, tokenIn } from '../common/token.js';

const token = `occ_${'0123456789abcdef'.repeat(2)}`;
const other = `occ_${'f'.repeat(32)}`;

function take(address) {
  const replaced = [];
  const history = { state: { kept: 1 }, replaceState: (state, _, url) => replaced.push({ state, url }) };
  return { taken: takeFromAddress(new URL(address), history), replaced };
}

test('the token is found in what people paste', () => {
  assert.equal(tokenIn(token), token);
  assert.equal(tokenIn(`  ${token}\n`), token);
  assert.equal(tokenIn(`https://example.com/opencat/chat#token=${token}`), token);
  assert.equal(tokenIn(`"token": "${token}",`), token);
  for (const wrong of ['', 'occ_', token.slice(0, -1), `${token}0`, token.toUpperCase(), `x${token}`]) {
    assert.equal(tokenIn(wrong), null, wrong);
  }
});

test('the token is taken out of the address, and the rest of it stays', () => {
  for (const [address, rest] of [
    [`http://h/chat#token=${token}`, '/chat'],
    [`http://h/opencat/chat?token=${token}`, '/opencat/chat'],
    [`http://h/chat?a=1&token=${token}&b=2#token=${token}&c=3`, '/chat?a=1&b=2#c=3'],
  ]) {
    const { taken, replaced } = take(address);
    assert.deepEqual(taken, { token }, address);
    assert.deepEqual(replaced, [{ state: { kept: 1 }, url: rest }], address);
  }
});

test('the fragment wins over the query', () => {
  assert.deepEqual(take(`http://h/chat?token=${other}#token=${token}`).taken, { token });
});

test('a token cut short is taken out too, and said to be none', () => {
  const { taken, replaced } = take('http://h/chat#token=occ_123');
  assert.deepEqual(taken, { token: null });
  assert.equal(replaced[0].url, '/chat');
});

test('an address without a token is left alone', () => {
  const { taken, replaced } = take('http://h/chat?a=1#b');
  assert.equal(taken, null);
  assert.deepEqual(replaced, []);
});

function fakeStorage({ full = false } = {}) {
  const map = new Map();
  return {
    map,
    getItem: (key) => map.get(key) ?? null,
    removeItem: (key) => map.delete(key),
    setItem(key, value) {
      if (full) throw new Error('QuotaExceededError');
      map.set(key, value);
    },
  };
}

test('the token is kept, and forgotten', () => {
  const storage = fakeStorage();
  const keeper = createTokenKeeper(
    safeStorage(() => storage),
    'k',
  );
  assert.equal(keeper.get(), null);
  keeper.keep(token);
  assert.equal(
    createTokenKeeper(
      safeStorage(() => storage),
      'k',
    ).get(),
    token,
  );
  keeper.forget();
  assert.equal(keeper.get(), null);
  assert.equal(storage.map.size, 0);
});

test('storage that is forbidden or full falls back to memory', () => {
  const forbidden = () => {
    throw new Error('SecurityError');
  };
  for (const open of [forbidden, () => fakeStorage({ full: true })]) {
    const storage = safeStorage(open);
    storage.setItem('k', 'v');
    assert.equal(storage.getItem('k'), 'v');
    storage.removeItem('k');
    assert.equal(storage.getItem('k'), null);
  }
});

test('what did not fit does not leave an older value behind', () => {
  const backing = fakeStorage();
  backing.map.set('k', 'old');
  backing.setItem = () => {
    throw new Error('QuotaExceededError');
  };
  safeStorage(() => backing).setItem('k', 'new');
  assert.equal(backing.getItem('k'), null);
});
