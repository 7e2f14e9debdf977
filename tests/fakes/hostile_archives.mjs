// SPDX-License-Identifier: MIT
// Archives that no honest tool would make, byte by byte: { name: { bytes, why } }, where `why` is what a reader must
// say of them. Each holds one fault beside harmless entries, so that it can be refused for that fault alone.
//
// As a program, it writes them all into a folder: node tests/fakes/hostile_archives.mjs FOLDER [ROOT]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { crc32 } from './zip.mjs';

const DEFLATED = 8;
const ELSEWHERE = 0xffffffff;
const numbers = (...pairs) =>
  Buffer.concat(
    pairs.map(([size, value]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      return bytes.subarray(0, size);
    }),
  );

export const extraField = (id, data) => Buffer.concat([numbers([2, id], [2, data.length]), data]);

/**
 * A zip (PKWARE's APPNOTE.TXT, section 4.3) of entries { name, bytes, mode, deflate, data, before }, each with what its
 * two descriptions say otherwise: `local` and `central` may set flags, method, crc, packed, size, name, extra and, the
 * latter, offset and disk; `both` sets either. `descriptor` puts the bytes behind the data. `end` changes the end's
 * numbers; `before`, `between`, `behind` and `comment` are put where they say.
 */
export function rawZip(
  entries,
  { before = '', between = '', behind = '', comment = '', end = {}, zip64 } = {},
) {
  const parts = [Buffer.from(before)];
  const central = [];
  let offset = parts[0].length;
  const push = (...more) => {
    for (const part of more) {
      parts.push(part);
      offset += part.length;
    }
  };
  for (const entry of entries) {
    const content = Buffer.from(entry.bytes ?? '');
    const data = entry.data ?? (entry.deflate ? zlib.deflateRawSync(content, { level: 9 }) : content);
    const facts = {
      flags: 0x800,
      method: entry.deflate || entry.data ? DEFLATED : 0,
      crc: crc32(content),
      packed: data.length,
      size: content.length,
      name: entry.name,
      extra: Buffer.alloc(0),
      offset,
      disk: 0,
      ...entry.both,
    };
    const described = (told) => {
      const name = Buffer.from(told.name, told.latin1 ? 'latin1' : 'utf8');
      const numbersOf = [
        [2, 20],
        [2, told.flags],
        [2, told.method],
        [4, 0x00210000],
        [4, told.crc],
      ];
      const sizes = [
        [4, told.packed],
        [4, told.size],
        [2, name.length],
        [2, told.extra.length],
      ];
      return [numbers(...numbersOf, ...sizes), name];
    };
    const local = { ...facts, ...entry.local };
    push(Buffer.from('PK\x03\x04', 'latin1'), ...described(local), local.extra, data);
    if (entry.descriptor) push(entry.descriptor);
    if (entry.behind) push(Buffer.from(entry.behind));
    const listed = { ...facts, ...entry.central };
    const [fields, name] = described(listed);
    const mode = entry.mode ?? 0o100644;
    const rest = numbers([2, 0], [2, listed.disk], [2, 0], [4, mode * 65536], [4, listed.offset]);
    central.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), fields, rest, name, listed.extra);
  }
  push(Buffer.from(between));
  const directory = Buffer.concat(central);
  const right = { disk: 0, here: entries.length, count: entries.length, size: directory.length, offset };
  const told = { ...right, ...end };
  const at = offset + directory.length;
  push(directory);
  if (zip64) {
    const large = { ...right, ...zip64 };
    const head = [
      [8, 44],
      [2, 45],
      [2, 45],
      [4, 0],
      [4, 0],
    ];
    const tail = [
      [8, large.count],
      [8, large.count],
      [8, large.size],
      [8, large.offset],
    ];
    push(Buffer.from('PK\x06\x06', 'latin1'), numbers(...head, ...tail));
    push(Buffer.from('PK\x06\x07', 'latin1'), numbers([4, 0], [8, at], [4, 1]));
  }
  push(Buffer.from('PK\x05\x06', 'latin1'));
  push(numbers([2, told.disk], [2, 0], [2, told.here], [2, told.count], [4, told.size], [4, told.offset]));
  push(numbers([2, comment.length]), Buffer.from(comment, 'latin1'), Buffer.from(behind));
  return Buffer.concat(parts);
}

const descriptorOf = (bytes, packed, { signature = true, wide = false } = {}) =>
  Buffer.concat([
    Buffer.from(signature ? 'PK\x07\x08' : '', 'latin1'),
    numbers([4, crc32(Buffer.from(bytes))], [wide ? 8 : 4, packed], [wide ? 8 : 4, Buffer.byteLength(bytes)]),
  ]);

/** Zips like those that streaming tools make: sizes behind the data, or in zip64 fields. A reader must take them. */
export function unusualZips(entries) {
  const changed = (change) => rawZip(entries.map((entry) => ({ ...entry, ...change(entry) })));
  const size = ({ bytes }) => Buffer.byteLength(bytes);
  const later = { crc: 0, packed: 0, size: 0 };
  const streamed = (more) => (entry) => ({
    both: { flags: 0x808 },
    local: later,
    descriptor: descriptorOf(entry.bytes, size(entry), more),
  });
  return {
    'data descriptors': changed(streamed({})),
    'data descriptors without a signature': changed(streamed({ signature: false })),
    'wide data descriptors': changed(streamed({ wide: true })),
    'zip64 fields that are not needed': changed((entry) => ({
      both: {
        packed: ELSEWHERE,
        size: ELSEWHERE,
        extra: extraField(1, numbers([8, size(entry)], [8, size(entry)])),
      },
    })),
    'a zip64 end': rawZip(entries, { zip64: {}, end: { count: 0xffff, here: 0xffff, offset: ELSEWHERE } }),
    'a comment': rawZip(entries, { comment: 'made by hand' }),
    'extra fields': changed(() => ({
      both: { extra: extraField(0x5455, Buffer.from('\x01\0\0\0\0', 'latin1')) },
    })),
    'deflated entries': changed(() => ({ deflate: true })),
  };
}

const names = {
  'climbing out': ['../../../escaped', /elsewhere/],
  'climbing in the middle': ['a/../../../escaped', /elsewhere/],
  backslashes: ['..\\..\\escaped', /elsewhere/],
  'a drive': ['C:escaped', /elsewhere/],
  'a stream of NTFS': ['file.txt:stream', /elsewhere/],
  'a line break': ['two\nlines', /elsewhere/],
  'an escape sequence': ['\x1b[2Jcleared', /elsewhere/],
  'a device of Windows': ['NUL', /elsewhere/],
  'a device with an extension': ['com1.tar.gz', /elsewhere/],
  'a dot at the end': ['file.', /elsewhere/],
  'a space at the end of a folder': ['folder /file', /elsewhere/],
  'a part too long': ['x'.repeat(256), /elsewhere/],
  'a path too deep': ['d/'.repeat(600) + 'file', /elsewhere/],
};

const pairs = {
  'the same name twice': ['same', 'same'],
  'names that differ in case': ['Same', 'same'],
  'names that differ in the case of other letters': ['Straße-Ä', 'Straße-ä'],
  'a file where a folder is needed': ['same', 'same/file'],
  'a file where a folder is': ['same/file', 'same'],
};

/** Zips. `harmless` are entries that the reader wants to see; the fault's own are below `root` + '/' + `place`. */
export function hostileZips(root, harmless, place = 'lib/app/') {
  const below = (name) => `${root}/${place}${name}`;
  const with_ = (entry, options) => rawZip([...harmless, ...[entry].flat()], options);
  const plain = { name: below('extra.txt'), bytes: 'some text' };
  const found = {};
  const add = (name, bytes, why) => (found[`zip: ${name}`] = { bytes, why });

  for (const [name, [file, why]] of Object.entries(names))
    add(name, with_({ name: below(file), bytes: 'x' }), why);
  add('an absolute path', with_({ name: '/tmp/opencat-escaped', bytes: 'x' }), /elsewhere/);
  for (const [name, both] of Object.entries(pairs))
    add(name, with_(both.map((file) => ({ name: below(file), bytes: 'x' }))), /twice/);

  add('a link', with_({ name: below('link'), bytes: '/etc/passwd', mode: 0o120777 }), /link/);
  add('a link that leaves', with_({ name: below('up'), bytes: '../../..', mode: 0o120777 }), /link/);
  for (const [name, mode] of [
    ['a character device', 0o020666],
    ['a block device', 0o060666],
    ['a pipe', 0o010666],
  ])
    add(name, with_({ name: below('device'), mode }), /neither file nor folder/);

  const disagree = {
    'two names': { local: { name: below('other.txt') } },
    'two methods': { local: { method: DEFLATED } },
    'two CRCs': { local: { crc: 1 } },
    'two packed sizes': { local: { packed: 1 } },
    'two sizes': { local: { size: 100 } },
    'two sets of flags': { local: { flags: 0 } },
  };
  for (const [name, change] of Object.entries(disagree))
    add(name, with_({ ...plain, ...change }), /two ways/);
  const text = plain.bytes;
  const streamed = { both: { flags: 0x808 }, local: { crc: 0, packed: 0, size: 0 } };
  const wrong = descriptorOf('other text', text.length);
  add('a data descriptor that disagrees', with_({ ...plain, ...streamed, descriptor: wrong }), /two ways/);
  add('a data descriptor that is missing', with_({ ...plain, ...streamed }), /two ways/);
  const unicode = extraField(
    0x7075,
    Buffer.concat([
      numbers([1, 1], [4, crc32(Buffer.from(plain.name))]),
      Buffer.from(below('../../../escaped')),
    ]),
  );
  add('a second name in an extra field', with_({ ...plain, both: { extra: unicode } }), /two names/);
  const sizes64 = extraField(1, numbers([8, text.length], [8, text.length]));
  const twice64 = { packed: ELSEWHERE, size: ELSEWHERE, extra: Buffer.concat([sizes64, sizes64]) };
  add('two zip64 fields', with_({ ...plain, both: twice64 }), /two sizes/);
  add('a stored entry with two sizes', with_({ ...plain, both: { size: 100 } }), /two sizes/);
  add(
    'an extra field that is cut off',
    with_({ ...plain, both: { extra: numbers([2, 1], [2, 50]) } }),
    /too early/,
  );

  const deflated = { ...plain, bytes: 'text '.repeat(1000), deflate: true };
  add('a CRC that is wrong', with_({ ...plain, both: { crc: 1 } }), /damaged/);
  add('a size that is too small', with_({ ...deflated, both: { size: 10 } }), /damaged/);
  add('a size that is too large', with_({ ...deflated, both: { size: 10_000 } }), /damaged/);
  add(
    'data that does not inflate',
    with_({ ...plain, data: Buffer.from('\xff\xff\xff', 'latin1') }),
    /damaged/,
  );
  add('encryption', with_({ ...plain, both: { flags: 0x801 } }), /encrypted/);
  add('strong encryption', with_({ ...plain, both: { flags: 0x841 } }), /encrypted/);
  add('another method', with_({ ...plain, both: { method: 12 } }), /unknown way/);
  add('a second disk', with_({ ...plain, central: { disk: 1 } }), /several/);

  const bomb = { name: below('bomb'), bytes: Buffer.alloc(80 << 20), deflate: true };
  add('a bomb', with_(bomb), /more than it should/);
  const vast = { packed: ELSEWHERE, extra: extraField(1, numbers([8, 2n ** 63n], [8, 9])), size: ELSEWHERE };
  add(
    'a size beyond all disks',
    with_({ ...plain, both: { ...vast, method: DEFLATED } }),
    /more than it should/,
  );
  const first = { ...plain, bytes: 'text '.repeat(100), deflate: true };
  const zip = with_([first, { ...plain, name: below('second.txt'), central: { offset: 0 } }]);
  add('an entry where another is', zip, /overlap|not where|two ways/);
  const overlapping = rawZip([...harmless, plain, plain]);
  const own = overlapping.indexOf(Buffer.from(plain.name));
  const central = overlapping.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  overlapping.writeUInt32LE(own - 30, central + 42);
  add('two entries in one place', overlapping, /overlap/);

  const hidden = Buffer.concat([
    rawZip([{ name: below('hidden'), bytes: 'x' }]).subarray(0, 31 + below('hidden').length),
  ]);
  add(
    'an entry that is not listed',
    rawZip([...harmless, { ...plain, behind: hidden }, plain2(below)]),
    /to none/,
  );
  add('an entry before the first', rawZip([...harmless, plain], { before: hidden }), /to none/);
  add('an entry before the directory', rawZip([...harmless, plain], { between: hidden }), /to none/);
  add('something behind the end', rawZip([...harmless, plain], { behind: 'more' }), /behind its end/);
  const otherEnd = rawZip([]).toString('latin1');
  add(
    'an end inside the comment',
    rawZip([...harmless, plain], { comment: `${otherEnd}more` }),
    /behind its end/,
  );
  add('an end as the comment', rawZip([...harmless, plain], { comment: otherEnd }), /directory is not where/);
  const count = harmless.length + 1;
  const ends = {
    'fewer entries than there are': [{ count: count - 1, here: count - 1 }, /directory is damaged/],
    'more entries than there are': [{ count: count + 1, here: count + 1 }, /too early|too many/],
    'counts that differ': [{ here: count - 1 }, /several/],
    'another disk': [{ disk: 1 }, /several/],
    'a directory that begins too early': [{ offset: 0 }, /directory is not where/],
    'a directory behind the end': [{ offset: 0x7fffffff }, /directory is not where/],
    'a directory that is too large': [{ size: 0x7fffffff }, /directory is not where/],
  };
  for (const [name, [end, why]] of Object.entries(ends))
    add(name, rawZip([...harmless, plain], { end }), why);
  add('two ends that disagree', rawZip([...harmless, plain], { zip64: { count: 1 } }), /ends disagree/);
  const whole = rawZip([...harmless, plain]);
  for (const part of [0.1, 0.5, 0.9, 0.999])
    add(`the first ${part * 100} %`, whole.subarray(0, whole.length * part), /damaged/);
  add('only its end', whole.subarray(-22), /directory is not where/);
  return found;
}

const plain2 = (below) => ({ name: below('behind.txt'), bytes: 'text' });

/** entries: [{ name, bytes, mode, type, link, size, magic }]; POSIX ustar, or another `magic`. */
export function rawTar(entries) {
  const blocks = [];
  for (const { name, bytes = '', mode = 0o644, type = '0', link = '', size, edit } of entries) {
    const content = Buffer.from(bytes);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
    header.write('0000000\0'.repeat(2), 108);
    header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write(`${'0'.repeat(11)}\0        ${type}`, 136);
    header.write(link, 157, 100);
    header.write('ustar\x0000', 257, 'latin1');
    edit?.(header);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const pax = (key, value) => {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  length += String(length + String(length).length).length;
  return { name: 'pax', type: 'x', bytes: `${length}${rest}` };
};

/** GNU's sparse files: a hole of `size` bytes, and no data at all. */
const sparse = (name, size) => ({
  name,
  type: 'S',
  edit: (header) => {
    header.write('ustar  \0', 257, 'latin1');
    header.write(`${size.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0`, 386);
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 483);
  },
});

/** Tars, uncompressed: the reader's two filters are tried on each. */
export function hostileTars(root, harmless, place = 'lib/node_modules/npm/') {
  const below = (name) => `${root}/${place}${name}`;
  const with_ = (...entries) => rawTar([...harmless, ...entries]);
  const found = {};
  const add = (name, bytes, why) => (found[`tar: ${name}`] = { bytes, why });

  for (const [name, [file, why]] of Object.entries(names)) {
    // ustar has 100 bytes for a name; pax has as many as are needed.
    const title = below(file);
    add(
      name,
      title.length <= 100 ? with_({ name: title, bytes: 'x' }) : with_(pax('path', title), { name: 'x' }),
      why,
    );
  }
  add('an absolute path', with_({ name: '/tmp/opencat-escaped', bytes: 'x' }), /elsewhere/);
  add(
    'a path of pax that climbs',
    with_(pax('path', below('../../../../escaped')), { name: below('x') }),
    /elsewhere/,
  );
  const gnuName = { name: '././@LongLink', type: 'L', bytes: `${below('../../../../escaped')}\0` };
  add('a long name of GNU that climbs', with_(gnuName, { name: below('x'), bytes: 'x' }), /elsewhere/);
  for (const [name, both] of Object.entries(pairs))
    add(name, with_(...both.map((file) => ({ name: below(file), bytes: 'x' }))), /twice/);
  add('a link', with_({ name: below('link'), type: '2', link: '/etc' }), /link/);
  add('a link that leaves', with_({ name: below('up'), type: '2', link: '../../../../..' }), /link/);
  add(
    'a link and a file through it',
    with_({ name: below('up'), type: '2', link: '/tmp' }, { name: below('up/x') }),
    /link/,
  );
  add('a hard link', with_({ name: below('passwd'), type: '1', link: '/etc/passwd' }), /link/);
  add(
    'a hard link of pax',
    with_(pax('linkpath', '/etc/passwd'), { name: below('passwd'), type: '1' }),
    /link/,
  );
  for (const [name, type] of [
    ['a character device', '3'],
    ['a block device', '4'],
    ['a pipe', '6'],
  ])
    add(name, with_({ name: below('device'), type }), /neither file nor folder/);
  add('a bomb', with_({ name: below('bomb'), bytes: Buffer.alloc(80 << 20) }), /more than it should/);
  add('a bomb of holes', with_(sparse(below('holes'), 7 * 2 ** 30)), /more than it should/);
  add(
    'a bomb that is left out',
    with_({ name: 'elsewhere/bomb', bytes: Buffer.alloc(80 << 20) }),
    /more than it should/,
  );
  add('a size beyond the end', with_({ name: below('long'), bytes: 'x', size: 10_000_000 }), /damaged/);
  const whole = with_({ name: below('a'), bytes: 'x'.repeat(10_000) });
  add('a cut', whole.subarray(0, whole.length - 8000), /damaged/);
  add(
    'a checksum that is wrong',
    Buffer.concat([whole.subarray(0, 512).fill('x', 0, 1), whole.subarray(512)]),
    /damaged/,
  );
  return found;
}

export const gzipped = (bytes) => zlib.gzipSync(bytes, { level: 9 });
export const xzipped = (bytes) =>
  execFileSync('xz', ['-1', '--stdout'], {
    input: bytes,
    maxBuffer: 1 << 30,
    stdio: ['pipe', 'pipe', 'inherit'],
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, root = 'opencat-portable'] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: node tests/fakes/hostile_archives.mjs FOLDER [ROOT]');
    process.exit(2);
  }
  fs.mkdirSync(folder, { recursive: true });
  const write = (name, bytes) => fs.writeFileSync(path.join(folder, name.replace(/\W+/g, '-')), bytes);
  const harmless = [{ name: `${root}/file.txt`, bytes: 'text' }];
  for (const [name, { bytes }] of Object.entries(hostileZips(root, harmless))) write(name, bytes);
  for (const [name, bytes] of Object.entries(unusualZips(harmless))) write(`zip: unusual ${name}`, bytes);
  for (const [name, { bytes }] of Object.entries(hostileTars(root, harmless))) write(name, gzipped(bytes));
}
