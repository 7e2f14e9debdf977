// SPDX-License-Identifier: MIT

/**
 * What a model or a server wrote, made safe to show: in a terminal, control characters could move the cursor,
 * set the title or the clipboard. Into a file or a pipe the text goes as it is.
 */
export function printable(text, stream) {
  // eslint-disable-next-line no-control-regex
  return stream.isTTY ? text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '') : text;
}
