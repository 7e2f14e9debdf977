// SPDX-License-Identifier: MIT
// Completion in the real bash, zsh and fish, with the scripts that `opencat completions` prints.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { opencat, run, sandbox } from './helpers.mjs';

/** A folder with the script, some files, and opencat on PATH. */
async function place(t, shell) {
  const folder = sandbox(t);
  const made = await run(folder, ['completions', shell]);
  assert.equal(made.code, 0, made.stderr);
  fs.writeFileSync(path.join(folder, 'script'), made.stdout);
  fs.writeFileSync(path.join(folder, 'my bundle.zip'), '');
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.symlinkSync(opencat, path.join(folder, 'bin', 'opencat'));
  const env = { HOME: folder, TERM: 'dumb', PATH: `${path.join(folder, 'bin')}:${process.env.PATH}` };
  return {
    folder,
    sh: (program, words) => execFileSync(program, words, { cwd: folder, env, encoding: 'utf8' }),
  };
}

test('bash completes commands, flags, their values and files', async (t) => {
  const { sh } = await place(t, 'bash');
  const complete = (...words) => {
    const script =
      'source ./script; COMP_WORDS=(opencat "$@"); COMP_CWORD=$#; _opencat; printf "%s\\n" "${COMPREPLY[@]}"';
    return sh('bash', ['--norc', '-c', script, 'bash', ...words])
      .trim()
      .split('\n');
  };
  assert.deepEqual(complete('se'), ['serve']);
  assert.deepEqual(complete('serve', '--drain'), ['--drain-timeout']);
  assert.deepEqual(complete('token', 'li'), ['list']);
  assert.deepEqual(complete('token', 'list', '--status', 'dis'), ['disabled']);
  assert.deepEqual(complete('bundle', '--color', ''), ['auto', 'always', 'never']);
  assert.deepEqual(complete('install', 'my'), ['my bundle.zip']);
  assert.deepEqual(complete('serve', '--config', 'my'), ['my bundle.zip']);
  assert.deepEqual(complete('nothing', 'x'), ['']);
});

test('zsh completes, on a terminal of its own', async (t) => {
  const { folder, sh } = await place(t, 'zsh');
  // Ctrl-X tells what stands on the line.
  fs.writeFileSync(
    path.join(folder, '.zshrc'),
    `autoload -Uz compinit; compinit -u; source ./script; PS1="ready> "
     tell() { print -r -- "$BUFFER" >line.new && mv line.new line }
     zle -N tell; bindkey '^X' tell\n`,
  );
  const complete = (typed) => {
    fs.rmSync(path.join(folder, 'line'), { force: true });
    const script = `zmodload zsh/zpty
      zpty pc "ZDOTDIR='${folder}' zsh -i"
      zpty -r pc said '*ready> *'
      zpty -w -n pc "$1"$'\\t\\x18'
      for (( i = 0; i < 600; ++i )); do
        zpty -rt pc said
        [[ -e line ]] && break
        sleep 0.05
      done
      zpty -d pc`;
    sh('zsh', ['-fc', script, 'zsh', typed]);
    return fs.readFileSync(path.join(folder, 'line'), 'utf8').trim();
  };
  assert.equal(complete('opencat serve --drai'), 'opencat serve --drain-timeout');
  assert.equal(complete('opencat comple'), 'opencat completions');
  assert.equal(complete('opencat token list --status dis'), 'opencat token list --status disabled');
  assert.equal(complete('opencat install my'), 'opencat install my\\ bundle.zip');
});

test('fish completes, with what each is for', async (t) => {
  const { sh } = await place(t, 'fish');
  const complete = (typed) =>
    sh('fish', ['--no-config', '-c', 'source ./script; complete -C $argv[1]', typed]).trim().split('\n');
  assert.deepEqual(complete('opencat se'), [
    'serve\tIssue tokens, relay chat to a language model, serve the pages',
  ]);
  assert.match(complete('opencat serve --drain')[0], /^--drain-timeout\t./);
  assert.deepEqual(
    complete('opencat token list --order ').map((line) => line.split('\t')[0]),
    ['asc', 'desc'],
  );
  assert.deepEqual(complete('opencat install my'), ['my bundle.zip']);
});

test('every flag that --help names is offered, and no other', async (t) => {
  const folder = sandbox(t);
  for (const command of [
    'serve',
    'token',
    'backup',
    'migrate',
    'fetch',
    'bundle',
    'install',
    'uninstall',
    'completions',
  ]) {
    const { stdout: help } = await run(folder, [command, '--help']);
    const named = [...help.matchAll(/^ +(?:-\w,)?(--[\w-]+)/gm)].map(([, flag]) => flag);
    const { stdout } = await run(folder, ['completions', 'words', '--', command, '--']);
    const offered = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0]);
    assert.deepEqual(offered.sort(), [...new Set(named)].sort(), command);
    assert.ok(offered.length > 5);
  }
});

test('a shell that opencat does not know is refused with those it does', async (t) => {
  const { code, stderr } = await run(sandbox(t), ['completions', 'tcsh']);
  assert.equal(code, 2);
  assert.match(stderr, /bash, zsh, fish/);
});
