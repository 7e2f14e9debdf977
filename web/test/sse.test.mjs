// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser, readEvents } from '../common/sse.js';

const bytes = (text) => new TextEncoder().encode(text);

function parse(pieces) {
  const parser = new SseParser();
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

// Every oddity the format allows, with characters of one to four bytes.
const stream =
  '\uFEFF: a comment\r\n' +
  'data: {"a":"猫 😀 é"}\r\n\r\n' +
  'event: note\nid: 1\ndata: first\ndata:second\ndata:  third\n\n' +
  'retry: 5\r\r' +
  'data\r\rdata: cr only\r\r' +
  'dataset: not data\n\n\n' +
  'data: [DONE]\r\n\r\n';
const events = ['{"a":"猫 😀 é"}', 'first\nsecond\n third', '', 'cr only', '[DONE]'];

test('a stream in one piece', () => {
  assert.deepEqual(parse([bytes(stream)]), events);
});

test('a stream cut in two at every byte', () => {
  const whole = bytes(stream);
  for (let cut = 0; cut <= whole.length; cut += 1) {
    assert.deepEqual(parse([whole.slice(0, cut), whole.slice(cut)]), events, `cut at byte ${cut}`);
  }
});

test('a stream byte by byte, with empty pieces between', () => {
  const pieces = [...bytes(stream)].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array()]);
  assert.deepEqual(parse(pieces), events);
});

test('an event is given out with the byte that completes it, not later', () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push(bytes('data: a\r\n\r')), ['a']);
  assert.deepEqual(parser.push(bytes('\ndata: b\n')), []);
  assert.deepEqual(parser.push(bytes('\n')), ['b']);
});

test('an event left open by the end counts', () => {
  assert.deepEqual(parse([bytes('data: a\n\ndata: [DONE]')]), ['a', '[DONE]']);
  assert.deepEqual(parse([bytes('data: a\n\n')]), ['a']);
});

test('leaving readEvents early cancels the stream', async () => {
  let cancelled = false;
  const source = new ReadableStream({
    pull: (controller) => controller.enqueue(bytes('data: a\n\n')),
    cancel: () => (cancelled = true),
  });
  for await (const data of readEvents(source)) {
    assert.equal(data, 'a');
    break;
  }
  assert.equal(cancelled, true);
});
