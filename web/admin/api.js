// SPDX-License-Identifier: MIT
// The admin API, in the protocol's words. Failures are thrown as ApiError.
import { ApiError, errorFromResponse, errorFromThrown } from '../common/errors.js';

/** `base`: the server's URL with its path prefix, ending in "/". `secret`: returns the admin secret. */
export function createApi({ base, secret, fetch = globalThis.fetch, online = () => navigator.onLine }) {
  async function request(method, path, { query = {}, body, signal, as = secret() } = {}) {
    const url = new URL(`api/admin/${path}`, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== '' && value !== undefined && value !== null) url.searchParams.set(name, value);
    }
    // A header holds visible ASCII alone; no secret with anything else can be right, nor be sent.
    if (!/^[\x21-\x7e]+$/.test(as)) throw new ApiError('unauthorized', { status: 401 });
    const headers = { 'X-Admin-Secret': as };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        cache: 'no-store',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
      if (response.ok) return response;
      throw await errorFromResponse(response);
    } catch (thrown) {
      throw errorFromThrown(thrown, { aborted: signal?.aborted, online: online(), streaming: false });
    }
  }

  async function json(method, path, options) {
    const response = await request(method, path, options);
    if (response.status === 204) return null;
    return response.json().catch(() => {
      throw new ApiError('server', { status: response.status });
    });
  }

  return {
    server: (options) => json('GET', 'server', options),
    upstreams: (options) => json('GET', 'upstreams', options),
    usage: (query, options) => json('GET', 'usage', { query, ...options }),
    tokens: (query, options) => json('GET', 'tokens', { query, ...options }),
    plans: (options) => json('GET', 'plans', options),
    addPlan: (body) => json('POST', 'plans', { body }),
    changePlan: (name, body) => json('PATCH', `plans/${encodeURIComponent(name)}`, { body }),
    removePlan: (name, query) => json('DELETE', `plans/${encodeURIComponent(name)}`, { query }),
    token: (id) => json('GET', `tokens/${encodeURIComponent(id)}`),
    create: (body) => json('POST', 'tokens', { body }),
    change: (id, body) => json('PATCH', `tokens/${encodeURIComponent(id)}`, { body }),
    bulk: (ids, action, change) => json('POST', 'tokens/bulk', { body: { ids, action, change } }),
    /** A CSV, as a Blob. */
    async export(what, query) {
      const response = await request('GET', `export/${what}`, { query });
      return response.blob().catch((thrown) => {
        throw errorFromThrown(thrown, { online: online(), streaming: true });
      });
    },
  };
}

/** A failure in the reader's words; `t` as of createWords. */
export function wordsFor(error, t) {
  const detail = error.detail || String(error.status || error.kind);
  const kinds = { unauthorized: 'secretGone', offline: 'offline', unreachable: 'unreachable' };
  if (error.kind in kinds) return t(kinds[error.kind]);
  if (error.kind === 'rate') return t('tooMany', { n: error.retryAfter ?? 60 });
  if (error.kind === 'unavailable') return t('unavailable');
  return t(error.status >= 400 && error.status < 500 ? 'refused' : 'failed', { detail });
}
