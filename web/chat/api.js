// SPDX-License-Identifier: MIT
// The chat page's four requests, in the protocol's words. Failures are thrown as ApiError.
import { ApiError, errorFromBody, errorFromResponse, errorFromThrown } from '../common/errors.js';
import { readEvents } from '../common/sse.js';

/**
 * `base`: the server's URL with its path prefix, ending in "/". `token`: returns the token to send. onQuota({limit,
 * remaining}) hears what an answer's headers say.
 */
export function createApi({
  base,
  token,
  fetch = globalThis.fetch.bind(globalThis),
  online = () => navigator.onLine,
  onQuota = () => {},
}) {
  async function request(path, { bearer = token(), signal, ...init } = {}) {
    try {
      const headers = { ...init.headers, Authorization: `Bearer ${bearer}` };
      const options = { ...init, headers, signal, cache: 'no-store', referrerPolicy: 'no-referrer' };
      const response = await fetch(new URL(path, base), options);
      tellQuota(response.headers);
      if (response.ok) return response;
      throw await errorFromResponse(response);
    } catch (thrown) {
      throw errorFromThrown(thrown, { aborted: signal?.aborted, online: online(), streaming: false });
    }
  }

  function tellQuota(headers) {
    const [limit, remaining] = ['limit', 'remaining'].map((name) =>
      headers.get(`x-ratelimit-${name}-requests`),
    );
    if (/^\d+$/.test(limit ?? '') && /^\d+$/.test(remaining ?? '')) {
      onQuota({ limit: Number(limit), remaining: Number(remaining) });
    }
  }

  /** The status of the token in use, or of `bearer`: {status, quota, …} as the protocol has it. */
  async function status(bearer = token()) {
    const response = await request('api/tokens/self/status', { bearer });
    return response.json().catch(() => {
      throw new ApiError('server', { status: response.status });
    });
  }

  /** The names of the models there are; "auto" is the operator's choice. */
  async function models() {
    const list = (await (await request('v1/models')).json().catch(() => null))?.data;
    return (Array.isArray(list) ? list : []).map(({ id }) => id).filter((id) => typeof id === 'string');
  }

  /** Yields the answer's pieces, {text, reasoning, model, finish}, as they arrive; each may be absent. */
  async function* chat({ messages, model = 'auto', temperature }, signal) {
    const response = await request('v1/chat/completions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, stream: true, messages, temperature }),
      signal,
    });
    try {
      for await (const data of readEvents(response.body)) {
        if (data === '[DONE]') return;
        yield pieceOf(data);
      }
    } catch (thrown) {
      throw errorFromThrown(thrown, { aborted: signal?.aborted, online: online(), streaming: true });
    }
    // Ended without [DONE]: what is there must not pass for a whole answer.
    throw new ApiError('broken');
  }

  return { status, models, chat };
}

function pieceOf(data) {
  let chunk = null;
  try {
    chunk = JSON.parse(data);
  } catch {
    throw new ApiError('broken');
  }
  if (chunk?.error) throw errorFromBody(chunk);
  const choice = chunk?.choices?.[0];
  const delta = choice?.delta ?? {};
  const string = (value) => (typeof value === 'string' ? value : undefined);
  return {
    text: string(delta.content),
    reasoning: string(delta.reasoning_content) ?? string(delta.reasoning),
    model: string(chunk?.model),
    finish: string(choice?.finish_reason),
  };
}
