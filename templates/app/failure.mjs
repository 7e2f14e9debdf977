// SPDX-License-Identifier: MIT
// From any error to one line for a person and an exit code:
// 1 failed, 2 wrong usage, 3 network, 5 not permitted.
import { text } from './texts.mjs';

/** An error with words of our own: `key` names the sentence in texts.mjs. */
export class Failure extends Error {
  constructor(key, values = {}, exitCode = 1) {
    super(key);
    Object.assign(this, { key, values, exitCode });
  }
}

// The server's error codes that deserve more than the server's own English sentence.
const BY_CODE = {
  UNAUTHORIZED: ['unknownToken', 5],
  TOKEN_DISABLED: ['tokenDisabled', 5],
  TOKEN_EXPIRED: ['tokenExpired', 5],
  MODEL_NOT_ALLOWED: ['modelNotAllowed', 5],
  QUOTA_EXCEEDED: ['quotaExceeded', 5],
  RATE_LIMITED: ['rateLimited', 5],
  MODEL_NOT_FOUND: ['modelNotFound', 1],
  UPSTREAM_ERROR: ['upstreamDown', 3],
  UPSTREAM_TIMEOUT: ['upstreamDown', 3],
  SERVICE_UNAVAILABLE: ['serverBusy', 3],
};

/** Returns {message, exitCode}. */
export function explain(error) {
  if (error instanceof Failure) return { message: text(error.key, error.values), exitCode: error.exitCode };
  if (error?.status) return explainAnswer(error);
  if (isConnectionError(error)) {
    return { message: text('unreachable', { reason: rootCause(error) }), exitCode: 3 };
  }
  return { message: text('failed', { reason: oneLine(error) }), exitCode: 1 };
}

function explainAnswer(error) {
  const seconds = Number(error.headers?.get?.('retry-after'));
  const values = {
    status: error.status,
    message: oneLine(error),
    wait: seconds > 0 ? text('waitSeconds', { seconds }) : text('waitLittle'),
  };
  const [key, exitCode] = BY_CODE[error.code] ?? (error.status >= 500 ? ['serverError', 3] : ['refused', 1]);
  return { message: text(key, values), exitCode };
}

function isConnectionError(error) {
  return /^APIConnection/.test(error?.constructor?.name ?? '');
}

// fetch says only "fetch failed"; the reason a person can act on (ECONNREFUSED, a certificate) is deeper.
export function rootCause(error) {
  let cause = error;
  while (cause?.cause) cause = cause.cause;
  return cause?.code ?? oneLine(cause);
}

function oneLine(error) {
  return String(error?.message ?? error)
    .replace(/\s+/g, ' ')
    .slice(0, 300);
}
