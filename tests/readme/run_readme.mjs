// SPDX-License-Identifier: MIT
// A README's commands are a promise: every one is run here, in its order, as a reader would.
// OPENCAT names the executable. What is replaced, and nothing else:
//   - port 3000 by a free one, and the addresses at example.com by this server's and a fake upstream's;
//   - the platforms `all` and `linux-x64` by this machine's: five runtimes would take minutes;
//   - `./dev …` is held against what `./dev help` knows, not run: it would run these tests again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startUpstream } from '../fakes/upstream.mjs';
import { freePort, newFolder } from '../support/server.mjs';
import { commandsIn, inlineCommands, isServer, sections, wordsOf } from './commands.mjs';
import { inShell } from './shell.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const platform = `linux-${process.arch}`;
let upstream;

/** Reads a README of this repository. */
export const readmeText = (name) => fs.readFileSync(path.join(repository, name), 'utf8');

/**
 * Each section of a page as a test of its own, in their order: `runSection(commands)` runs them and resolves to those
 * that it ran, which must be all of the page. Resolves to them.
 */
export async function runSections(t, name, runSection) {
  const ran = [];
  const markdown = readmeText(name);
  for (const { title, commands } of sections(markdown).filter(({ commands }) => commands.length > 0))
    await t.test(`${name}: ${title}`, async () => ran.push(...(await runSection(commands))));
  assert.deepEqual(ran, commandsIn(markdown), `${name}: every command was run`);
  return ran;
}

export function testReadme(name) {
  const markdown = readmeText(name);
  before(async () => (upstream = await startUpstream({ handle: (exchange) => exchange.answer() })));
  after(() => upstream.stop());

  test(`the commands of ${name} work in their order`, async (t) => {
    const home = await newFolder();
    t.after(() => fs.rmSync(home, { recursive: true, force: true }));
    const ran = await runSections(t, name, (commands) => runSection(commands, home));
    assert.ok(ran.length > 0);
  });

  test(`what ${name} says of opencat in passing is so`, () => {
    for (const command of inlineCommands(markdown)) checkAgainstHelp(command);
    const told = inlineCommands(markdown).filter((command) => command.startsWith('opencat '));
    assert.deepEqual(new Set(told.map((command) => command.split(' ')[1])), new Set(opencatCommands()));
  });
}

/** Runs a section's commands in a folder of their own; those that ran. */
async function runSection(commands, home) {
  const port = await freePort();
  const ran = [];
  await inShell({ home, env: { OPENCAT_PORT: String(port) } }, async (shell) => {
    // The built executable, where a clone has it.
    fs.mkdirSync(path.join(shell.folder, 'build', 'release'), { recursive: true });
    fs.symlinkSync(path.resolve(process.env.OPENCAT), path.join(shell.folder, 'build', 'release', 'opencat'));
    for (const command of commands) {
      await runCommand(command, shell, `http://127.0.0.1:${port}`);
      ran.push(command);
    }
  });
  return ran;
}

async function runCommand(command, shell, url) {
  if (command.startsWith('./dev ')) return checkAgainstHelp(command);
  const local = command
    .replace(/http:\/\/127\.0\.0\.1:3000|https:\/\/chat\.example\.com/g, url)
    .replace('https://api.example.com/v1', upstream.url)
    .replace(/--platform all\b/, `--platform ${platform}`)
    .replaceAll('linux-x64', platform);
  assert.doesNotMatch(local, /example\.com|:3000/, 'an address that this test does not know');
  if (isServer(command)) return shell.serve(local);

  const { code, stdout, stderr } = await shell.run(local);
  assert.equal(code, 0, `${local}\n${stdout}${stderr}`);
  const question = /opencat-chat "(.+)"/.exec(command)?.[1];
  if (question) assert.ok(stdout.includes(question), 'the demo repeats the question');
  if (command.startsWith('curl ')) assert.equal(JSON.parse(stdout).status, 'ok');
  if (command.startsWith('opencat bundle ')) await checkBundle(local, shell);
}

/** The zip is there, can get its user to a chat, and that chat reaches whatever the server has behind it. */
async function checkBundle(command, shell) {
  const chosen = /--platform (\S+)/.exec(command)[1];
  const zip = path.join(shell.folder, 'dist', `opencat-portable-${chosen}.zip`);
  const list = execFileSync('unzip', ['-Z1', zip], { encoding: 'utf8' }).split('\n');
  const read = (file) =>
    JSON.parse(execFileSync('unzip', ['-p', zip, `opencat-portable/${file}`], { encoding: 'utf8' }));
  assert.equal(list.includes('opencat-portable/token.json'), command.includes('--pre-token'));
  if (!command.includes('--pre-token')) {
    assert.match(read('bundle.json').enroll_key, /^[0-9a-f]{32,}$/);
    return;
  }
  const { token, proxy_base_url } = read('token.json');
  const answer = await fetch(`${proxy_base_url}/chat/completions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hello' }] }),
  });
  const { choices, model } = await answer.json();
  assert.equal(answer.status, 200);
  assert.notEqual(choices[0].message.content, '');
  const server = shell.served.at(-1);
  if (server.includes('--demo')) return assert.equal(model, 'opencat-demo');
  const request = upstream.requests.at(-1);
  assert.equal(request.headers.authorization, `Bearer ${/UPSTREAM_KEY=(\S+)/.exec(server)[1]}`);
  assert.equal(request.body.model, /--upstream-model (\S+)/.exec(server)[1]);
}

const opencat = (...words) => execFileSync(process.env.OPENCAT, words, { encoding: 'utf8' });

function opencatCommands() {
  return [...opencat('--help').matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, command]) => command);
}

/** The command and its options are there. */
export function checkAgainstHelp(text) {
  const [program, command, ...rest] = wordsOf(text);
  const dev = program === './dev';
  const help = dev
    ? execFileSync('./dev', ['help'], { cwd: repository, encoding: 'utf8' })
    : opencat(command, '--help');
  if (dev) assert.match(help, new RegExp(`^ {2}${command}\\b`, 'm'), text);
  for (const flag of rest.filter((word) => word.startsWith('-'))) {
    assert.match(help, new RegExp(`(^|[\\s,[])${flag}\\b`, 'm'), `${text}: there is no ${flag}`);
  }
}
