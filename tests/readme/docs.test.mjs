// SPDX-License-Identifier: MIT
// Every command block of the docs is run here, in its order, as a reader would, but for those of NOT_RUN; every block of
// TOML is read by the server. The READMEs have tests of their own. What is replaced, and nothing else: ports 443, 3000
// and 3001 by free ones, all addresses (0.0.0.0) by 127.0.0.1, those at example.com by this server's and a fake
// upstream's. The fake upstream is also in OPENCAT_UPSTREAM_URL, as an operator has one in the settings.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { certificate } from '../fakes/certificate.mjs';
import { startUpstream } from '../fakes/upstream.mjs';
import { chat, hello } from '../support/http.mjs';
import { parseMetrics } from '../support/metrics.mjs';
import { freePort, newFolder, runOpencat, startServer } from '../support/server.mjs';
import { commandsIn, isServer } from './commands.mjs';
import { checkAgainstHelp, readmeText, runSections } from './run_readme.mjs';
import { inShell } from './shell.mjs';

/** Why they are not run; opencat's are held against --help. */
const NOT_RUN = {
  [`cosign verify-blob --bundle SHA256SUMS.sigstore.json --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity-regexp '^https://github.com/OWNER/REPOSITORY/\\.github/workflows/release\\.yml@refs/tags/v' SHA256SUMS`]:
    'wants a published release, which only its runner can sign',
  'sha256sum --check --ignore-missing SHA256SUMS':
    'wants a published release; tests/packaging/archives checks the sums of one that was made here',
  'opencat doctor server --config /etc/opencat/opencat.toml --data-dir /var/lib/opencat':
    'has the folders of an installed .deb; tests/cli/doctor looks at others',
  'opencat migrate --from sqlite:opencat-data --to postgresql://opencat@db.example.com/opencat':
    'wants a PostgreSQL; tests/server/migrate moves to a real one',
  'opencat token set-plan tok_0123456789abcdef --plan class-3':
    'wants the id of a token, which is another one on each server; tests/server/plans gives tokens plans',
  'opencat fetch --update-keys pubring.kbx':
    'wants the keyring of Node’s releasers; tests/cli/fetch_trust has one of its own',
};

const root = new URL('../..', import.meta.url);
const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((page) => /^docs\/|^[A-Z]+(\.zh-CN)?\.md$/.test(page) && !page.startsWith('README'));
const english = pages.filter((page) => !page.endsWith('.zh-CN.md'));
const chineseOf = (page) => page.replace(/\.md$/, '.zh-CN.md');
const tomlIn = (page) =>
  [...readmeText(page).matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, block]) => block);

let upstream;
let home;
before(async () => {
  upstream = await startUpstream({ handle: (exchange) => exchange.answer() });
  home = await newFolder();
  const bin = path.join(home, '.local', 'bin');
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(path.resolve(process.env.OPENCAT), path.join(bin, 'opencat'));
});
after(async () => {
  await upstream.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

test('each command of each page works in its order', async (t) => {
  const ran = new Set();
  for (const page of english) {
    for (const command of await runSections(t, page, runSection)) ran.add(command);
  }
  assert.ok(ran.size > 20, `${ran.size} commands`);
  for (const command of Object.keys(NOT_RUN)) assert.ok(ran.has(command), `no page has: ${command}`);
});

test('both languages have the same commands and the same TOML', () => {
  const plain = (lines) => lines.map((line) => line.replace(/ *#.*/, ''));
  for (const page of english.filter((name) => pages.includes(chineseOf(name)))) {
    assert.deepEqual(
      plain(commandsIn(readmeText(chineseOf(page)))),
      plain(commandsIn(readmeText(page))),
      page,
    );
    const toml = (name) => plain(tomlIn(name).flatMap((block) => block.split('\n')));
    assert.deepEqual(toml(chineseOf(page)), toml(page), page);
  }
});

test('each block of TOML is what a server takes', async () => {
  let blocks = 0;
  for (const page of english) {
    for (const block of tomlIn(page)) {
      const dir = await newFolder();
      fs.writeFileSync(path.join(dir, 'opencat.toml'), block);
      const keys = [...block.matchAll(/key_env = "(\w+)"/g)].map(([, name]) => [name, 'sk-test']);
      if (/^store = /m.test(block)) {
        // No such database is here; what can be seen is that the setting is read, and not shown.
        const { code, stdout } = await runOpencat(['serve', '--show-config', '--data-dir', dir], {
          cwd: dir,
        });
        assert.equal(code, 0);
        assert.match(stdout, /^.*store\b.*opencat\.toml/m);
        assert.ok(!stdout.includes('PASSWORD'));
      } else {
        const server = await startServer({ dir, args: [], env: Object.fromEntries(keys) });
        assert.equal(await server.stop(), 0, `${page}\n${block}`);
      }
      fs.rmSync(dir, { recursive: true });
      blocks++;
    }
  }
  assert.ok(blocks >= 8, `${blocks} blocks`);
});

test('of the two upstreams in the example the second steps in for the first', async (t) => {
  const first = await startUpstream({ handle: (exchange) => exchange.fail(503, { message: 'away' }) });
  t.after(() => first.stop());
  const block = tomlIn('docs/upstreams.md').at(-1);
  const [one, two] = [...block.matchAll(/url = "(.*)"/g)].map(([, url]) => url);
  const dir = await newFolder();
  t.after(() => fs.rmSync(dir, { recursive: true }));
  const local = block.replace(one, first.url).replace(two, upstream.url);
  fs.writeFileSync(path.join(dir, 'opencat.toml'), local);
  const env = { ZHIPU_API_KEY: 'sk-1', OPENROUTER_API_KEY: 'sk-2' };
  const server = await startServer({ dir, args: [], env });
  t.after(() => server.stop());
  const { token } = await server.issue();
  const answer = await chat(server, token, { ...hello, model: 'glm-4.6' });
  assert.equal(answer.status, 200);
  assert.equal(first.requests.length, 1);
  assert.equal(upstream.requests.at(-1).body.model, 'z-ai/glm-4.6');
  assert.equal(upstream.requests.at(-1).headers.authorization, 'Bearer sk-2');
});

/** Runs a section's commands in a folder of their own; those that ran. */
async function runSection(commands) {
  const [port, second] = [await freePort(), await freePort()];
  const env = { OPENCAT_PORT: String(port), OPENCAT_UPSTREAM_URL: upstream.url, OPENCAT_UPSTREAM_MODEL: 'm' };
  const ran = [];
  await inShell({ home, env }, async (shell) => {
    const { file } = certificate(shell.folder, ['chat.example.com']);
    fs.renameSync(file, path.join(shell.folder, 'chain.pem'));
    let token;
    for (const command of commands) {
      ran.push(command);
      if (command.startsWith('./dev ') || command in NOT_RUN) {
        if (/^(\.\/dev|opencat) /.test(command)) checkAgainstHelp(command);
        continue;
      }
      const local = command
        .replace('https://api.example.com/v1', upstream.url)
        .replace('https://chat.example.com', `http://127.0.0.1:${port}`)
        .replace('--port 443', `--port ${port}`)
        .replace('0.0.0.0', '127.0.0.1')
        .replace(/(?<=-port |127\.0\.0\.1:)3001\b/, String(second));
      assert.doesNotMatch(local, /example\.com|:3000|3001/, 'an address that this test does not know');
      if (isServer(command)) await shell.serve(local);
      else token = await runOne(local, shell, token);
      if (command.includes('--data-dir restored')) await checkRestored(`http://127.0.0.1:${second}`, token);
    }
  });
  return ran;
}

/** Runs it; the token that it made, else the one before. */
async function runOne(command, shell, token) {
  const { code, stdout, stderr } = await shell.run(command);
  assert.equal(code, 0, `${command}\n${stdout}${stderr}`);
  if (command.endsWith('/readyz')) assert.equal(JSON.parse(stdout).status, 'ready');
  if (command.endsWith('/metrics')) assert.equal(parseMetrics(stdout).value('opencat_upstream_healthy'), 1);
  return /occ_[0-9a-f]{32}/.exec(stdout)?.[0] ?? token;
}

/** A token of the first server is good at the second. */
async function checkRestored(origin, token) {
  const answer = await chat({ origin }, token);
  assert.equal(answer.status, 200, answer.body.toString());
}
