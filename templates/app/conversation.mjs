// SPDX-License-Identifier: MIT
// The messages so far, and the stream that answers the next one, over the official OpenAI client.
import OpenAI from 'openai';
import { Failure } from './failure.mjs';

// Short waits the client may sit through without a word; a longer Retry-After is the user's to decide.
const LONGEST_SILENT_WAIT_S = 5;

async function fetchImpatiently(url, init) {
  const response = await fetch(url, init);
  const wait = Number(response.headers.get('retry-after') ?? 0);
  // 504 means the model had its whole time already: asking again would double a wait of minutes.
  if (response.status !== 504 && !(wait > LONGEST_SILENT_WAIT_S)) return response;
  const headers = new Headers(response.headers);
  headers.set('x-should-retry', 'false');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

function connect(config) {
  // OPENAI_ORG_ID, OPENAI_CUSTOM_HEADERS and the like are meant for another server: they must not reach this one.
  for (const name of Object.keys(process.env)) if (name.startsWith('OPENAI_')) delete process.env[name];
  return new OpenAI({
    apiKey: config.token,
    baseURL: config.proxy_base_url,
    maxRetries: 2,
    fetch: fetchImpatiently,
    logLevel: 'off',
  });
}

export class Conversation {
  constructor(config, model) {
    this.client = connect(config);
    this.model = model;
    this.messages = [];
  }

  reset() {
    this.messages = [];
  }

  /**
   * Asks, calls onText with each piece as it arrives, and remembers both sides.
   * Returns {stopped}: true when `signal` ended it early (what had come is kept).
   * On failure it throws, and the conversation is as it was before.
   */
  async ask(message, { signal, onText }) {
    const messages = [...this.messages, { role: 'user', content: message }];
    let answer = '';
    try {
      const request = { model: this.model, messages, stream: true };
      const stream = await this.client.chat.completions.create(request, { signal });
      for await (const piece of contentOf(stream, signal)) {
        answer += piece;
        onText(piece);
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    if (answer) this.messages = [...messages, { role: 'assistant', content: answer }];
    return { stopped: Boolean(signal?.aborted) };
  }
}

// A stream that was cut ends like a finished one in the client (it does not ask for [DONE]),
// so the model's finish_reason is what tells an answer from half of one.
async function* contentOf(stream, signal) {
  let finished = false;
  try {
    for await (const chunk of stream) {
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) yield choice.delta.content;
      if (choice?.finish_reason) finished = true;
    }
  } catch (error) {
    throw new Failure('brokenStream', { reason: error.message }, 3);
  }
  if (!finished && !signal?.aborted) throw new Failure('brokenStream', { reason: 'EOF' }, 3);
}
