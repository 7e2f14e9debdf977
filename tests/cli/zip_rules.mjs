// SPDX-License-Identifier: MIT
// What a zip must be to unpack alike everywhere, checked byte by byte and without any library for zips (PKWARE's
// APPNOTE.TXT, sections 4.3 and 4.4).
import assert from 'node:assert/strict';
import zlib from 'node:zlib';

const UTF8 = 0x800;
const REGULAR_FILE = 0o100000;

/** Throws unless the zip keeps every rule; gives back its entries by name: { bytes, mode, method, time }. */
export function checkZip(zip) {
  const end = zip.length - 22;
  assert.equal(zip.toString('latin1', end, end + 4), 'PK\x05\x06', 'an end without a comment');
  const [disk, first, here, count] = [4, 6, 8, 10].map((at) => zip.readUInt16LE(end + at));
  const [size, offset] = [12, 16].map((at) => zip.readUInt32LE(end + at));
  assert.deepEqual([disk, first, here], [0, 0, count]);
  assert.equal(offset + size, end, 'no zip64 record where none is needed, nothing in between');

  const entries = new Map();
  const spans = [];
  let at = offset;
  let before;
  for (let i = 0; i < count; ++i) {
    assert.equal(zip.toString('latin1', at, at + 4), 'PK\x01\x02');
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.subarray(at + 46, at + 46 + nameLength);
    const title = new TextDecoder('utf-8', { fatal: true }).decode(name);
    assert.equal(zip[at + 5], 3, `${title}: made by UNIX`);
    assert.equal(zip.readUInt16LE(at + 6), 20, `${title}: the version that every reader has`);
    assert.equal(zip.readUInt16LE(at + 8), UTF8, `${title}: UTF-8, no data descriptor, nothing else`);
    const [extra, comment, onDisk, internal] = [30, 32, 34, 36].map((where) => zip.readUInt16LE(at + where));
    assert.deepEqual(
      [extra, comment, onDisk, internal],
      [0, 0, 0, 0],
      `${title}: no extra field, no comment`,
    );
    const attributes = zip.readUInt32LE(at + 38);
    assert.equal(attributes & 0xffff, 0, `${title}: no attributes of MS-DOS`);
    const mode = attributes >>> 16;
    assert.equal(mode & 0o170000, REGULAR_FILE, `${title}: no link, no folder`);
    if (before) assert.ok(Buffer.compare(before, name) < 0, `${title}: sorted, each once`);
    before = name;

    const local = zip.readUInt32LE(at + 42);
    const same = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), zip.subarray(at + 6, at + 32), name]);
    assert.ok(zip.subarray(local, local + same.length).equals(same), `${title}: described alike twice`);
    const [packedSize, unpackedSize] = [20, 24].map((where) => zip.readUInt32LE(at + where));
    const packed = zip.subarray(local + same.length, local + same.length + packedSize);
    const method = zip.readUInt16LE(at + 10);
    assert.ok(method === 0 || method === 8, title);
    const bytes = method === 8 ? zlib.inflateRawSync(packed) : packed;
    assert.equal(bytes.length, unpackedSize, title);
    assert.ok(
      method === 8 ? packedSize < unpackedSize : packedSize === unpackedSize,
      `${title}: the smaller`,
    );
    const time = zip.readUInt32LE(at + 12);
    entries.set(title, { bytes, mode: mode & 0o7777, method, time });
    spans.push([local, local + same.length + packedSize]);
    at += 46 + nameLength;
  }
  assert.equal(at, end);
  spans.sort(([a], [b]) => a - b);
  let covered = 0;
  for (const [from, to] of spans) {
    assert.equal(from, covered, 'one entry behind the other');
    covered = to;
  }
  assert.equal(covered, offset);
  assert.equal(new Set([...entries.values()].map(({ time }) => time)).size, 1, 'one time for all');
  return entries;
}
