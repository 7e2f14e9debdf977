// SPDX-License-Identifier: MIT
// What can go wrong between a page and the server, as a few kinds that have words of their own.

const kindOfCode = {
  __proto__: null, // looked up by what a server says, which might be "constructor"
  UNAUTHORIZED: 'unauthorized',
  TOKEN_NOT_FOUND: 'unauthorized',
  TOKEN_DISABLED: 'disabled',
  TOKEN_EXPIRED: 'ended',
  MODEL_NOT_ALLOWED: 'noSuchModel',
  QUOTA_EXCEEDED: 'quota',
  RATE_LIMITED: 'rate',
  UPSTREAM_ERROR: 'upstream',
  UPSTREAM_TIMEOUT: 'timeout',
  SERVICE_UNAVAILABLE: 'unavailable',
};
// For answers without one of the codes above: the upstream's own errors, and proxies on the way. An
// upstream's 401 is about the operator's key, so it must not sign the user out: it counts as refused.
const kindOfStatus = {
  408: 'timeout',
  413: 'tooLarge',
  429: 'busy',
  502: 'upstream',
  503: 'unavailable',
  504: 'timeout',
};

export class ApiError extends Error {
  /**
   * kind: one of the above, or refused, server, broken, stopped, offline, unreachable.
   * retryAfter: seconds, or null. detail: the server's own sentence, or ''.
   */
  constructor(kind, { status = 0, retryAfter = null, detail = '' } = {}) {
    super(detail || kind);
    this.kind = kind;
    this.status = status;
    this.retryAfter = retryAfter;
    this.detail = detail;
  }
}

/** The error that a body `{"error":{…}}` with this HTTP status (0: inside a stream) speaks of. */
export function errorFromBody(body, status = 0, retryAfter = null) {
  const error = body?.error;
  const detail = typeof error === 'string' ? error : typeof error?.message === 'string' ? error.message : '';
  const kind =
    kindOfCode[error?.code] ??
    kindOfStatus[status] ??
    (status === 0 ? 'broken' : status < 500 ? 'refused' : 'server');
  return new ApiError(kind, { status, retryAfter, detail });
}

/** The error that a response which is not ok speaks of. Never rejects. */
export async function errorFromResponse(response, now = Date.now()) {
  const body = await response.json().catch(() => null);
  return errorFromBody(body, response.status, secondsOf(response.headers.get('Retry-After'), now));
}

/** Seconds to wait from a Retry-After header (seconds or an HTTP date), or null. */
export function secondsOf(header, now) {
  if (header === null || header.trim() === '') return null;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

/** The error for what fetch or a stream's reader threw. */
export function errorFromThrown(thrown, { aborted, online, streaming }) {
  if (thrown instanceof ApiError) return thrown;
  if (aborted) return new ApiError('stopped');
  if (streaming) return new ApiError('broken');
  return new ApiError(online ? 'unreachable' : 'offline');
}
