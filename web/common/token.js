// SPDX-License-Identifier: MIT
// The token: out of the address bar, into the browser's storage, and nowhere else.

const shape = /\bocc_[0-9a-f]{32}\b/;

/** The token inside what a person pasted (the token itself, or the whole chat link), or null. */
export function tokenIn(text) {
  return shape.exec(text)?.[0] ?? null;
}

/**
 * Takes `#token=` or `?token=` out of the address bar and this history entry. Returns null when the
 * address had neither; else {token}, where token is null if it was cut short or mistyped.
 */
export function takeFromAddress(location, history) {
  const hash = new URLSearchParams(location.hash.slice(1));
  const query = new URLSearchParams(location.search);
  if (!hash.has('token') && !query.has('token')) return null;
  const token = tokenIn(hash.get('token') ?? query.get('token'));
  hash.delete('token');
  query.delete('token');
  const rest = (`${query}` && `?${query}`) + (`${hash}` && `#${hash}`);
  history.replaceState(history.state, '', location.pathname + rest);
  return { token };
}

/** The token kept in `storage` under `key`: get() is null when there is none. */
export function createTokenKeeper(storage, key) {
  return {
    get: () => tokenIn(storage.getItem(key) ?? ''),
    keep: (token) => storage.setItem(key, token),
    forget: () => storage.removeItem(key),
  };
}
