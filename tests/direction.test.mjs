// SPDX-License-Identifier: MIT
// Holds the sources to the directions of docs/ARCHITECTURE.md: who may include whom, and where each library may be.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const parts = ['opencat', 'commands', 'bundle', 'server'];

const filesIn = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : /\.[ch]pp$/.test(path) ? [path] : [];
  });
const sources = parts.flatMap(filesIn).map((path) => {
  const text = readFileSync(join(root, path), 'utf8');
  return {
    path,
    text,
    includes: [...text.matchAll(/^\s*#\s*include\s+[<"]([^>"]+)[>"]/gm)].map((match) => match[1]),
  };
});

/** The room a path is in: "server/http", "opencat", …; files of server/ itself wire its rooms together. */
function room(path) {
  const [part, sub, file] = path.split('/');
  return part === 'server' && file ? `server/${sub}` : part;
}

// What each room may include of the project, beside itself.
const allowed = {
  opencat: [],
  bundle: ['opencat'],
  'server/domain': [],
  'server/metrics': ['opencat'],
  'server/http': ['opencat', 'server/metrics'],
  'server/upstream': ['opencat', 'server/metrics'],
  'server/store': ['opencat', 'server/domain', 'server/metrics'],
  'server/routes': [
    'opencat',
    'server/http',
    'server/domain',
    'server/metrics',
    'server/store',
    'server/upstream',
  ],
  server: [
    'opencat',
    'server/http',
    'server/domain',
    'server/metrics',
    'server/store',
    'server/upstream',
    'server/routes',
  ],
  commands: ['opencat', 'bundle', 'server'],
};

test('every include goes in an allowed direction', () => {
  assert.ok(sources.length > 50, 'the sources were found');
  const wrong = [];
  for (const { path, includes } of sources) {
    for (const include of includes) {
      if (!parts.some((part) => include.startsWith(`${part}/`))) continue;
      const [from, to] = [room(path), room(include)];
      assert.ok(allowed[from], `${path} is in a room without a rule`);
      if (from !== to && !allowed[from].includes(to)) wrong.push(`${path} includes ${include}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('each library is included in one place', () => {
  const homes = {
    'curl/curl.h': ['opencat/curl.hpp'],
    'archive.h': ['opencat/archive_reader.cpp'],
    'rnp/rnp.h': ['opencat/openpgp.cpp'],
    'libdeflate.h': ['bundle/deflate.cpp'],
    'httplib.h': ['server/http/httplib_bridge.cpp'],
    'openssl/ssl.h': ['server/http/tls.cpp'],
    'SQLiteCpp/SQLiteCpp.h': ['server/store/sqlite.hpp'],
    'pqxx/pqxx': ['server/store/postgres/session.hpp'],
    'toml++/toml.h': ['opencat/toml.cpp'],
    'CLI/CLI.hpp': ['commands/command_line.cpp'],
    'sys/epoll.h': ['opencat/posix/poller.cpp'],
  };
  for (const [header, expected] of Object.entries(homes)) {
    const found = sources
      .filter(({ includes }) => includes.includes(header))
      .map(({ path }) => relative('.', path));
    assert.deepEqual(found, expected, header);
  }
  const curl = sources
    .filter(({ includes }) => includes.includes('opencat/curl.hpp'))
    .map(({ path }) => path);
  assert.deepEqual(curl.sort(), [
    'opencat/http_client.cpp',
    'opencat/http_links.cpp',
    'opencat/http_target.cpp',
  ]);
  // SQL stays in its room, and behind the two headers that the other rooms know.
  const sqlite = sources.filter(({ includes }) => includes.includes('server/store/sqlite.hpp'));
  assert.deepEqual(
    sqlite.map(({ path }) => path).filter((path) => !path.startsWith('server/store/')),
    [],
  );
});

test('heavy headers stay out of headers that many files include', () => {
  const heavy = ['nlohmann/json.hpp', 'httplib.h', 'CLI/CLI.hpp', 'fmt/format.h'];
  const users = (header) => sources.filter(({ includes }) => includes.includes(header)).length;
  const wrong = sources
    .filter(
      ({ path, includes }) => path.endsWith('.hpp') && includes.some((header) => heavy.includes(header)),
    )
    .filter(({ path }) => users(path) > 4)
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

// Two classes of one name are one to the linker, which keeps the inline functions of either.
test('no two files define one name in one namespace', () => {
  const homes = new Map();
  for (const { path, text } of sources) {
    const space = [];
    for (const line of text.split('\n')) {
      const opened = line.match(/^namespace ?([\w:]*) ?\{$/);
      if (opened) space.push(opened[1] || 'anonymous');
      else if (line.startsWith('}  // namespace')) space.pop();
      const defined = line.match(
        /^(?:struct|class|enum class) (?:\w+::)*(\w+)(?: final)?(?: : [^;]*)?(?: \{.*)?$/,
      );
      if (!defined || space.includes('anonymous') || line.includes('::' + defined[1])) continue;
      const name = [...space, defined[1]].join('::');
      assert.equal(homes.get(name) ?? path, path, `${name} is defined twice`);
      homes.set(name, path);
    }
  }
  assert.ok(homes.size > 100, `only ${homes.size} found`);
});

test('only commands/ reads the environment', () => {
  const wrong = sources
    .filter(
      ({ path, text }) => !path.startsWith('commands/') && /\b(getenv|secure_getenv|environ)\b/.test(text),
    )
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test('every source names its licence', () => {
  const wrong = sources
    .filter(({ text }) => !text.includes('SPDX-License-Identifier: MIT'))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});
