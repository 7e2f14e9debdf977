// SPDX-License-Identifier: MIT
// What all that asks over the network shares: patience, and words for what went wrong.
import { EXIT, Failure } from './failure.mjs';

const PAUSES_MS = [500, 1500, 4000]; // between attempts; what fails after these is not a passing trouble
export const LONGEST_PAUSE_MS = 15000;

// Node's and OpenSSL's names: https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CERTIFICATE_CODES = /CERT|SIGNATURE|_CRL_|^(INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)$/;
export const isCertificateTrouble = (code) => CERTIFICATE_CODES.test(code);

/** fetch says only "fetch failed"; what a person can act on is its cause. */
export function reason(error) {
  return (
    error.cause?.code ?? error.cause?.message ?? (error.name === 'TimeoutError' ? 'timeout' : error.message)
  );
}

/** The failure of a fetch that threw. */
export function unreachable(server, error) {
  const why = reason(error);
  const key = isCertificateTrouble(why) ? 'serverCertificate' : 'serverUnreachable';
  return new Failure(key, { server, reason: why }, EXIT.network, String(error));
}

/**
 * Calls `once` until it gives no failure, and gives back what it gave; else throws the failure. `once` gives back
 * {failure, retry, retryAfterMs?} where it failed.
 */
export async function patiently({ log, say, sleep }, what, once) {
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await once();
    if (!outcome.failure) return outcome;
    log.write(`${what}: ${outcome.failure.key} ${outcome.failure.detail}`);
    if (!outcome.retry || attempt >= PAUSES_MS.length) throw outcome.failure;
    const pause = Math.min(Math.max(PAUSES_MS[attempt], outcome.retryAfterMs ?? 0), LONGEST_PAUSE_MS);
    say.note('tryingAgain', { seconds: Math.ceil(pause / 1000) });
    await sleep(pause);
  }
}
