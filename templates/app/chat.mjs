#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// OpenCat's terminal chat: one message and its answer, or a conversation line by line.
import { readFileSync } from 'node:fs';
import { parseArguments } from './arguments.mjs';
import { readConfig } from './config.mjs';
import { explain, Failure } from './failure.mjs';
import { chatByLine } from './prompt.mjs';
import { printable } from './terminal.mjs';
import { text } from './texts.mjs';

async function readAll(stream) {
  let all = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) all += piece;
  return all;
}

async function answerOnce(conversation, message) {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  let wrote = false;
  const onText = (piece) => {
    wrote = true;
    process.stdout.write(printable(piece, process.stdout));
  };
  try {
    const { stopped } = await conversation.ask(message, { signal: stop.signal, onText });
    return stopped ? 130 : 0;
  } finally {
    // Also under half an answer, so that the error starts on a line of its own.
    if (wrote) process.stdout.write('\n');
  }
}

async function main(argv) {
  const options = parseArguments(argv);
  if (options.help) return void console.log(text('help'));
  if (options.version) {
    return void console.log(JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')).version);
  }
  const config = readConfig(process.env);
  // Only now: --help and a missing configuration must not depend on the installed packages.
  const { Conversation } = await import('./conversation.mjs');
  const conversation = new Conversation(config, options.model ?? config.model);
  if (options.message === undefined && process.stdin.isTTY) return chatByLine(conversation, config);
  const message = (options.message ?? (await readAll(process.stdin))).trim();
  if (!message) throw new Failure('emptyMessage', {}, 2);
  return answerOnce(conversation, message);
}

// `opencat-chat … | head -1` closes our output early: that is the reader's choice, not an error.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  process.exitCode = (await main(process.argv.slice(2))) ?? 0;
} catch (error) {
  const { message, exitCode } = explain(error);
  process.stderr.write(`opencat-chat: ${printable(message, process.stderr)}\n`);
  process.exitCode = exitCode;
}
