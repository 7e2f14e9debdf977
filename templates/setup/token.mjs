// SPDX-License-Identifier: MIT
// Step 3: whose token this PC chats with. A token.json in the bundle wins (the operator issued it for this person),
// else the one this PC has already, else the server is asked for a new one.
import os from 'node:os';
import path from 'node:path';
import fs from 'node:fs';
import { randomUUID } from 'node:crypto';
import { EXIT, Failure } from './failure.mjs';
import { readJson } from './files.mjs';
import { LONGEST_PAUSE_MS, patiently, reason, unreachable } from './network.mjs';

const ANSWER_TIMEOUT_MS = 15000;
const CHECK_TIMEOUT_MS = 10000;

export const configFile = (home) => path.join(home, 'data', 'config.json');

const givenFile = (context) => path.join(context.bundleFolder, 'token.json');

function keptGrant({ bundle, home }) {
  const kept = readJson(configFile(home));
  return kept?.token && kept.server_url === bundle.server_url ? kept : null;
}

/**
 * Part of step 1, where the server will have to be asked for a token: whether it answers at all. Any answer will do
 * but that of a Wi-Fi's login page; a proxy in front may well keep this address to itself.
 */
export async function checkServer(context) {
  if (fs.existsSync(givenFile(context)) || keptGrant(context)) return;
  const server = context.bundle.server_url;
  await patiently(context, 'server', async () => {
    try {
      const answer = await fetch(`${server}/healthz`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
      });
      const isJson = /json/.test(answer.headers.get('content-type') ?? '');
      await answer.body?.cancel();
      const { status } = answer;
      if ((status >= 400 && status !== 511) || (status === 200 && isJson)) return {};
      return { failure: new Failure('notOpencat', { server, status }, EXIT.network, String(status)) };
    } catch (error) {
      const failure = unreachable(server, error);
      return { failure, retry: failure.key === 'serverUnreachable' };
    }
  });
}

export async function obtainToken(context) {
  const { bundle, say } = context;
  const given = givenFile(context);
  if (fs.existsSync(given)) {
    say.note('tokenGiven');
    const grant = readJson(given);
    return (context.grant = {
      ...checked(grant, EXIT.integrity),
      install_id: grant.install_id ?? installId(context),
    });
  }
  const kept = keptGrant(context);
  if (kept && (await stillKnown(kept, context))) {
    say.note('tokenKept');
    return (context.grant = kept);
  }
  say.note('tokenAsking', { server: bundle.server_url });
  const install_id = installId(context);
  const outcome = await patiently(context, 'token request', () => requestOnce(context, install_id));
  return (context.grant = { ...outcome.grant, install_id });
}

// Only the server's clear "no" makes a kept token worthless; a server that cannot be reached says nothing about it.
async function stillKnown(kept, { bundle, log }) {
  try {
    const answer = await fetch(`${bundle.server_url}/api/tokens/self/status`, {
      headers: { authorization: `Bearer ${kept.token}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(5000),
    });
    const body = await answer.json();
    log.write(`kept token: ${answer.status} ${body?.status ?? body?.error?.code}`);
    return !['TOKEN_NOT_FOUND', 'UNAUTHORIZED'].includes(body?.error?.code);
  } catch (error) {
    log.write(`kept token: cannot ask the server: ${reason(error)}`);
    return true;
  }
}

// Made once and kept in a file of its own, written before the first request: whatever happens then,
// the server sees the same installation again.
function installId({ home, receipt }) {
  const file = path.join(home, 'data', 'install_id');
  const kept =
    readJson(configFile(home))?.install_id ?? (fs.existsSync(file) && fs.readFileSync(file, 'utf8').trim());
  const id = kept || randomUUID();
  receipt.writeFile(file, `${id}\n`, 0o600);
  return id;
}

/** Returns {grant}, or {failure, retry, retryAfterMs?}. */
async function requestOnce({ bundle }, install_id) {
  const server = bundle.server_url;
  const meta = { hostname: os.hostname(), ...(bundle.label && { label: bundle.label }) };
  let answer, text;
  try {
    answer = await fetch(`${server}/api/tokens`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bundle.enroll_key && { 'x-enroll-key': bundle.enroll_key }),
      },
      body: JSON.stringify({ platform: bundle.platform, install_id, version: bundle.opencat_version, meta }),
      redirect: 'manual', // the enrolment key is for this server, not for where it may point
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    const failure = unreachable(server, error);
    return { failure, retry: failure.key === 'serverUnreachable' };
  }
  const body = parse(text);
  if (answer.status === 200 && body) return { grant: checked(body) };
  return refusal(answer, body, server);
}

function refusal(answer, body, server) {
  const code = body?.error?.code ?? '';
  const seconds = Number(answer.headers.get('retry-after')) || 0;
  const values = { server, status: answer.status, seconds, message: body?.error?.message ?? '' };
  const detail = `${answer.status} ${code} ${values.message}`;
  if (answer.status === 429) {
    const key = seconds > 0 ? 'tokenRateLimited' : 'tokenRateLimitedLater';
    return {
      failure: new Failure(key, values, EXIT.notPermitted, detail),
      retry: seconds * 1000 <= LONGEST_PAUSE_MS, // a longer wait is the user's to choose
      retryAfterMs: seconds * 1000,
    };
  }
  if (answer.status >= 500) {
    return {
      failure: new Failure('serverBusy', values, EXIT.network, detail),
      retry: true,
      retryAfterMs: seconds * 1000,
    };
  }
  // Without an error of OpenCat's form it is something else that answered: a Wi-Fi login page, another site.
  if (!code) return { failure: new Failure('notOpencat', values, EXIT.network, detail) };
  if (answer.status === 401 || answer.status === 403) {
    return { failure: new Failure('enrollmentRefused', values, EXIT.notPermitted, detail) };
  }
  return { failure: new Failure('tokenRefused', values, EXIT.failed, detail) };
}

/** The parts that are used, each found to be what it should; both URLs end up in files that a browser opens. */
function checked(grant, exitCode = EXIT.failed) {
  const good =
    typeof grant?.token === 'string' &&
    grant.token !== '' &&
    isWeb(grant.chat_url) &&
    isWeb(grant.proxy_base_url);
  if (!good) throw new Failure('badGrant', {}, exitCode);
  return { token: grant.token, chat_url: grant.chat_url, proxy_base_url: grant.proxy_base_url };
}

const isWeb = (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
