// SPDX-License-Identifier: MIT
// A conversation line by line in a terminal. Ctrl-C stops an answer; at an empty line it leaves, like Ctrl-D.
import { createInterface } from 'node:readline';
import { explain } from './failure.mjs';
import { printable } from './terminal.mjs';
import { text } from './texts.mjs';

export async function chatByLine(conversation, config) {
  const input = createInterface({ input: process.stdin, output: process.stdout, prompt: '> ', historySize: 200 });
  let answering = null;
  let closed = false;
  input.on('close', () => {
    closed = true;
    answering?.abort();
  });
  input.on('SIGINT', () => {
    if (answering) answering.abort();
    else if (input.line) clearLine(input);
    else input.close();
  });

  console.log(text('welcome', { server: config.server_url ?? config.proxy_base_url, model: conversation.model }));
  input.prompt();
  // The iterator keeps lines that are typed or pasted while an answer streams.
  for await (const line of input) {
    const message = line.trim();
    if (closed || message === '/exit') break;
    if (message === '/new') {
      conversation.reset();
      console.log(text('fresh'));
    } else if (message.startsWith('/help')) console.log(text('commands'));
    else if (message) {
      answering = new AbortController();
      await answer(conversation, message, answering.signal);
      answering = null;
    }
    if (!closed) input.prompt();
  }
  input.close();
  return 0;
}

async function answer(conversation, message, signal) {
  const onText = (piece) => process.stdout.write(printable(piece, process.stdout));
  try {
    const { stopped } = await conversation.ask(message, { signal, onText });
    process.stdout.write(stopped ? `\n${text('stopped')}\n` : '\n');
  } catch (error) {
    process.stdout.write(`\n${printable(explain(error).message, process.stdout)}\n`);
  }
}

function clearLine(input) {
  input.write(null, { ctrl: true, name: 'e' });
  input.write(null, { ctrl: true, name: 'u' });
}
