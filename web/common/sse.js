// SPDX-License-Identifier: MIT
// Server-sent events from bytes that may be cut anywhere: inside a character, a CRLF or an event.
// Follows "Interpreting an event stream" of the HTML standard; only the data of events is kept.

export class SseParser {
  #decoder = new TextDecoder(); // drops a leading BOM and holds back half characters
  #line = '';
  #data = null;
  #afterCarriageReturn = false;

  /** The data of each event that `bytes` completes. */
  push(bytes) {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /**
   * The event that the end of the stream leaves open, if any. The standard drops it; here it counts,
   * because some upstreams end with "data: [DONE]" and no empty line.
   */
  end() {
    return this.#take(this.#decoder.decode() + '\n\n');
  }

  #take(text) {
    const events = [];
    let start = 0;
    if (this.#afterCarriageReturn && text.startsWith('\n')) start = 1;
    if (text) this.#afterCarriageReturn = text.endsWith('\r');
    for (let end = start; end < text.length;) {
      const char = text[end];
      if (char !== '\n' && char !== '\r') {
        end += 1;
        continue;
      }
      this.#endLine(this.#line + text.slice(start, end), events);
      this.#line = '';
      end += char === '\r' && text[end + 1] === '\n' ? 2 : 1;
      start = end;
    }
    this.#line += text.slice(start);
    return events;
  }

  #endLine(line, events) {
    if (line === '') {
      if (this.#data) events.push(this.#data.join('\n'));
      this.#data = null;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== 'data') return; // a comment (empty name), event, id, retry
    const value = colon < 0 ? '' : line.slice(colon + 1);
    (this.#data ??= []).push(value.startsWith(' ') ? value.slice(1) : value);
  }
}

/** Yields the data of each event of a byte stream; leaving early cancels the stream. */
export async function* readEvents(stream) {
  const parser = new SseParser();
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      yield* done ? parser.end() : parser.push(value);
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // already broken or aborted: nothing left to cancel
  }
}
