// SPDX-License-Identifier: MIT
// Step 2: the app's packages, by the npm that came with the bundle.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { EXIT, Failure } from './failure.mjs';
import { readJson, sha256, userHome, writeAtomically } from './files.mjs';
import { isCertificateTrouble } from './network.mjs';

const NO_ANSWER =
  /^(E(NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|IDLETIMEOUT|\w+UNREACH|PIPE|PROTO)|ERR_SOCKET_TIMEOUT)$/;
const AN_ANSWER = /^E[45]\d\d$/;

const appFolder = (context) => path.join(context.bundleFolder, 'lib', 'app');
const modulesFolder = (context) => path.join(appFolder(context), 'node_modules');
// Inside node_modules: npm begins by deleting that folder, so the stamp cannot outlive what it stands for.
const stampFile = (context) => path.join(modulesFolder(context), '.opencat-installed');

function npmCli(context) {
  const lib = context.bundle.platform.startsWith('win') ? 'tools/node' : 'tools/node/lib';
  return path.join(context.bundleFolder, lib, 'node_modules', 'npm', 'bin', 'npm-cli.js');
}

function declaration(context) {
  const folder = appFolder(context);
  for (const name of ['npm-shrinkwrap.json', 'package-lock.json']) {
    if (fs.existsSync(path.join(folder, name)))
      return { locked: true, content: fs.readFileSync(path.join(folder, name)) };
  }
  const file = path.join(folder, 'package.json');
  return { locked: false, content: fs.existsSync(file) ? fs.readFileSync(file) : '' };
}

const stampOf = (context) =>
  sha256(`${sha256(declaration(context).content)} ${process.version} ${context.bundle.platform}`);

function readStamp(context) {
  return fs.existsSync(stampFile(context)) ? fs.readFileSync(stampFile(context), 'utf8').trim() : '';
}

/** Whether what npm has to install comes from a registry: not what lies in the bundle as a file. */
function needsRegistry(context) {
  // Who names a cache of npm has seen to what is in it.
  if (namedCache(context)) return false;
  const { locked, content } = declaration(context);
  if (!locked) return true;
  const packages = Object.entries(JSON.parse(content).packages ?? {}).filter(([name]) => name !== '');
  return packages.some(([, { resolved, link }]) => !link && !resolved?.startsWith('file:'));
}

const namedCache = ({ env }) => env.npm_config_cache ?? env.NPM_CONFIG_CACHE;

// null: no --registry, so that the user's own npm configuration decides.
const registries = ({ bundle }) => (bundle.npm_registry ? [bundle.npm_registry, null] : [null]);

/**
 * Part of step 1: whether a registry answers, asked by npm itself, for it alone knows the user's .npmrc with its
 * proxies and certificates. Those that do not are left out in step 2. A "no" is an answer: many do not know `ping`.
 */
export async function checkRegistry(context) {
  if (!needsRegistry(context)) return;
  let silence;
  for (const [index, registry] of registries(context).entries()) {
    const args = ['ping', '--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=15000'];
    const outcome = await runNpm(context, [...args, ...(registry ? [`--registry=${registry}`] : [])]);
    const { errorCode } = outcome;
    if (outcome.code === 0 || !(NO_ANSWER.test(errorCode) || isCertificateTrouble(errorCode))) {
      context.registries = registries(context).slice(index);
      if (silence) context.say.note('depsOtherRegistry', { reason: silence.errorCode });
      return;
    }
    silence = outcome;
  }
  throw npmFailure(silence, context.log.file);
}

/** Whether npm has to run: not with bundled packages, an app without any, or packages that are in place already. */
export function needsInstall(context) {
  if (context.bundle.app.deps === 'bundled') return false;
  const wanted = readJson(path.join(appFolder(context), 'package.json'));
  if (Object.keys({ ...wanted?.dependencies, ...wanted?.optionalDependencies }).length === 0) return false;
  return readStamp(context) !== stampOf(context);
}

export async function installDependencies(context) {
  const { bundle, home, receipt, say, log } = context;
  if (!needsInstall(context)) return say.note(bundle.app.deps === 'bundled' ? 'depsBundled' : 'depsInPlace');
  // A cache that the caller names is the caller's, also to keep; npm finds it by itself.
  const cache = namedCache(context) ? null : path.join(home, 'data', 'npm-cache');
  receipt.record(modulesFolder(context), 'tree');
  if (cache) receipt.record(cache, 'tree');
  say.note('depsInstalling');
  const wanted = context.registries ?? registries(context);
  for (const [attempt, registry] of wanted.entries()) {
    const outcome = await runNpm(context, npmArguments(context, cache, registry));
    if (outcome.code === 0) break;
    log.write(`npm failed: exit ${outcome.code}, ${outcome.errorCode}`);
    if (attempt === wanted.length - 1) throw npmFailure(outcome, log.file);
    say.note('depsOtherRegistry', { reason: outcome.errorCode });
  }
  writeAtomically(stampFile(context), `${stampOf(context)}\n`);
  if (cache) fs.rmSync(cache, { recursive: true, force: true });
}

function npmArguments(context, cache, registry) {
  const { locked } = declaration(context);
  return [
    ...(locked ? ['ci'] : ['install', '--no-package-lock']),
    ...[
      '--omit=dev',
      ...(context.bundle.app.scripts === true ? [] : ['--ignore-scripts']),
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--global=false',
    ],
    // npm's own pauses between attempts reach a minute: a user would think it hangs.
    ...['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'],
    ...(cache ? [`--cache=${cache}`] : []),
    ...(registry ? [`--registry=${registry}`] : []),
  ];
}

function runNpm(context, args) {
  context.log.write(`npm ${args.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [npmCli(context), ...args], {
      cwd: appFolder(context),
      // npm does not even start without a home folder.
      env: { ...process.env, ...(!userHome() && { HOME: path.join(context.home, 'data') }) },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece) => (output += piece));
    }
    // Left alone, npm would go on working in the folder. It takes SIGTERM only when its downloads are over, and
    // what a SIGKILL leaves half-made is without a stamp, so the next run begins anew.
    const stop = () => {
      child.kill('SIGKILL');
      process.exit(EXIT.interrupted);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.once(signal, stop);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const each of signals) process.removeListener(each, stop);
      if (output.trim()) context.log.write(output);
      // A file that npm could not unpack is only a warning to it; to the app it is missing.
      const lost = output.match(/TAR_ENTRY_ERROR (E[A-Z]+)/)?.[1];
      resolve({
        code: code === 0 && lost ? 1 : (code ?? signal),
        errorCode: output.match(/^npm (?:error|ERR!) code (\S+)/m)?.[1] ?? lost ?? String(code ?? signal),
      });
    });
  });
}

function npmFailure({ errorCode }, logFile) {
  const values = { reason: errorCode, log: logFile };
  if (errorCode === 'EINTEGRITY') return new Failure('npmIntegrity', values, EXIT.integrity);
  if (errorCode === 'ENOSPC' || errorCode === 'EDQUOT') return new Failure('diskFullNow', { file: 'npm' });
  if (isCertificateTrouble(errorCode)) return new Failure('npmCertificate', values, EXIT.network);
  if (NO_ANSWER.test(errorCode)) return new Failure('npmNetwork', values, EXIT.network);
  if (AN_ANSWER.test(errorCode)) return new Failure('npmRefused', values, EXIT.network);
  return new Failure('npmFailed', values);
}
