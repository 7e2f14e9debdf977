// SPDX-License-Identifier: MIT
// Which code a server runs that starts, answers one chat and rests, for the linker: node scripts/startup_order.mjs EXECUTABLE MAP
// It puts that side by side (cmake/startup.ld). The kernel maps a file in pieces of 64 KB around what is touched, so
// scattered code costs an idle server three times the memory. qemu-user prints each piece of code once, when it is
// first run; the linker's map says which section that is. What a later source no longer has is no error, and what is new
// lies with the rest, so this is run again now and then, not for each change.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** The text sections that are in an executable, by address, as GNU ld's map has them: [{ at, size, name, file }]. */
function sectionsOf(map) {
  const memory = map.slice(map.indexOf('Linker script and memory map'));
  const rows = [...memory.matchAll(/^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)/gm)];
  return rows
    .map(([, name, at, size, file]) => ({ at: parseInt(at, 16), size: parseInt(size, 16), name, file }))
    .filter(({ at, size }) => at > 0 && size > 0)
    .sort((a, b) => a.at - b.at);
}

/** The one that an address is in. */
function sectionAt(sections, address) {
  let [low, high] = [0, sections.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sections[middle].at <= address) low = middle + 1;
    else high = middle;
  }
  const found = sections[low - 1];
  return found && address < found.at + found.size ? found : undefined;
}

/** As a linker script names it. A library that is built without a section for each function gives whole objects. */
function pattern({ name, file }) {
  if (!['.text', '.text.startup', '.text.unlikely'].includes(name)) return `*(${name})`;
  const [, archive, object] = /([^/]+\.a)\((.*)\)$/.exec(file) ?? [];
  return archive ? `*${archive}:${object}(${name})` : `*${basename(file)}(${name})`;
}

/** Starts the server in qemu, chats with it once, and ends it; the log then has all the code that it ran. */
async function trace(executable, folder, log) {
  const words = ['serve', '--demo', '--port', '0', '--data-dir', join(folder, 'data'), '--json'];
  const server = spawn(
    'qemu-x86_64-static',
    ['-d', 'in_asm,page', '-D', log, resolve(executable), ...words],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(server, 'close');
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  const { url, chat_url: chat } = JSON.parse(line);
  for (const path of ['healthz', 'chat']) await (await fetch(`${url}/${path}`)).text();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${chat.split('token=')[1]}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'hello' }] }),
  });
  if (!answer.ok) throw new Error(`the chat was answered by ${answer.status}`);
  await answer.text();
  server.kill('SIGTERM');
  const [code] = await ended;
  if (code !== 0) throw new Error(`opencat ended with ${code}`);
}

async function main([executable, map]) {
  if (!map) throw new Error('usage: node scripts/startup_order.mjs EXECUTABLE MAP');
  const sections = sectionsOf(readFileSync(map, 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'opencat-order-'));
  const patterns = new Set();
  try {
    const log = join(folder, 'log');
    await trace(executable, folder, log);
    // The first mapping is the executable's own.
    let base;
    for await (const line of createInterface({ input: createReadStream(log) })) {
      base ??= /^([0-9a-f]{16})-[0-9a-f]{16} /.exec(line)?.[1];
      const address = /^0x([0-9a-f]+):/.exec(line)?.[1];
      const section = address && sectionAt(sections, parseInt(address, 16) - parseInt(base, 16));
      if (section) patterns.add(pattern(section));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const lines = [...patterns].sort().map((one) => `    ${one}`);
  process.stdout.write(`/* SPDX-License-Identifier: MIT
 * What a server runs that starts, answers one chat and rests, side by side. Made by scripts/startup_order.mjs. */
SECTIONS
{
  .text.first : ALIGN(CONSTANT(MAXPAGESIZE))
  {
${lines.join('\n')}
  }
}
INSERT BEFORE .text;
`);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`startup_order: ${error.message}\n`);
  process.exitCode = 1;
});
