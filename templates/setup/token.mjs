// SPDX-License-Identifier: MIT
// Step 3: whose token this PC chats with. A token.json in the bundle wins (the operator issued it for this person),
// else the one this PC has already, else the server is asked for a new one.
import os from 'node:os';
import path from 'node:path';
import fs from 'node:fs';
import { randomUUID } from 'node:crypto';
import { EXIT, Failure } from './failure.mjs';
import { readJson } from './files.mjs';

const PAUSES_MS = [500, 1500, 4000]; // between attempts; what fails after these is not a passing trouble
const LONGEST_PAUSE_MS = 15000;
const ANSWER_TIMEOUT_MS = 15000;

export const configFile = (home) => path.join(home, 'data', 'config.json');

export async function obtainToken(context) {
  const { bundle, bundleFolder, home, say } = context;
  const given = path.join(bundleFolder, 'token.json');
  if (fs.existsSync(given)) {
    say.note('tokenGiven');
    const grant = readJson(given);
    return (context.grant = { ...checked(grant, EXIT.integrity), install_id: grant.install_id ?? installId(context) });
  }
  const kept = readJson(configFile(home));
  if (kept?.token && kept.server_url === bundle.server_url && (await stillKnown(kept, context))) {
    say.note('tokenKept');
    return (context.grant = kept);
  }
  say.note('tokenAsking', { server: bundle.server_url });
  const install_id = installId(context);
  return (context.grant = { ...(await request(context, install_id)), install_id });
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
  const kept = readJson(configFile(home))?.install_id ?? (fs.existsSync(file) && fs.readFileSync(file, 'utf8').trim());
  const id = kept || randomUUID();
  receipt.writeFile(file, `${id}\n`, 0o600);
  return id;
}

async function request(context, install_id) {
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await requestOnce(context, install_id);
    if (outcome.grant) return outcome.grant;
    context.log.write(`token request: ${outcome.failure.key} ${outcome.failure.detail}`);
    if (!outcome.retry || attempt >= PAUSES_MS.length) throw outcome.failure;
    const pause = Math.min(Math.max(PAUSES_MS[attempt], outcome.retryAfterMs ?? 0), LONGEST_PAUSE_MS);
    context.say.note('tokenAgain', { seconds: Math.ceil(pause / 1000) });
    await context.sleep(pause);
  }
}

/** Returns {grant}, or {failure, retry, retryAfterMs?}. */
async function requestOnce({ bundle }, install_id) {
  const server = bundle.server_url;
  const meta = { hostname: os.hostname(), ...(bundle.label && { label: bundle.label }) };
  let answer, text;
  try {
    answer = await fetch(`${server}/api/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(bundle.enroll_key && { 'x-enroll-key': bundle.enroll_key }) },
      body: JSON.stringify({ platform: bundle.platform, install_id, version: bundle.opencat_version, meta }),
      redirect: 'manual', // the enrolment key is for this server, not for where it may point
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    text = await answer.text();
  } catch (error) {
    const failure = new Failure('serverUnreachable', { server, reason: reason(error) }, EXIT.network, String(error));
    return { failure, retry: true };
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
  if (answer.status === 429) return { failure: new Failure('tokenRateLimited', values, EXIT.notPermitted, detail) };
  if (answer.status >= 500) {
    return { failure: new Failure('serverBusy', values, EXIT.network, detail), retry: true, retryAfterMs: seconds * 1000 };
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
  const good = typeof grant?.token === 'string' && grant.token !== '' && isWeb(grant.chat_url) && isWeb(grant.proxy_base_url);
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

// fetch says only "fetch failed"; what a person can act on is its cause.
function reason(error) {
  return error.cause?.code ?? error.cause?.message ?? (error.name === 'TimeoutError' ? 'timeout' : error.message);
}
