// SPDX-License-Identifier: MIT
// A real opencat in front of a model whose every piece a test sends by hand, and pages that talk to it.
import { openPage, startBrowser } from './browser.mjs';
import { startServer } from '../support/server.mjs';
import { ready, send, settled } from './steps.mjs';
import { startUpstream } from '../fakes/upstream.mjs';

/** {server, upstream, browser, open(t, options), exchange(page, text, …pieces), stop()}. */
export async function startTalk({ models = ['fake-model'] } = {}) {
  const upstream = await startUpstream();
  const named = models.flatMap((model) => ['--upstream-model', model]);
  const server = await startServer({
    args: ['--upstream-url', upstream.url, ...named, '--rpm-limit', '1000', '--daily-limit', '1000'],
  });
  const browser = await startBrowser();

  /** A page of its own, signed in and ready; closed with its test. */
  async function open(t, options) {
    const page = await openPage(browser, (await server.issue()).chat_url, options);
    t.after(() => page.context().close());
    await ready(page);
    return page;
  }

  /** Sends `text` and answers it with `pieces`; resolves to the model's side when the page has settled. */
  async function exchange(page, text, ...pieces) {
    await send(page, text);
    return answer(page, ...pieces);
  }

  /** The same for a question that is on its way already. */
  async function answer(page, ...pieces) {
    const model = await upstream.next();
    for (const piece of pieces) model.say(piece);
    model.done();
    await settled(page);
    return model;
  }

  async function stop() {
    await browser.close();
    await server.stop();
    await upstream.stop();
  }
  return { server, upstream, browser, open, exchange, answer, stop };
}
