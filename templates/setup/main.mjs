// SPDX-License-Identifier: MIT
// Installing, as six steps in this order. Each can be repeated, and the last one is the switch to what the others made:
// killed anywhere and started again, the end is the same.
import fs from 'node:fs';
import path from 'node:path';
import { checkPc } from './check.mjs';
import { configFile, obtainToken } from './token.mjs';
import { EXIT, Failure } from './failure.mjs';
import { installDependencies } from './dependencies.mjs';
import { Log } from './log.mjs';
import { makeShortcuts } from './shortcuts.mjs';
import { openInBrowser } from './browser.mjs';
import { parseOptions } from './options.mjs';
import { readJson } from './files.mjs';
import { Receipt } from './receipt.mjs';
import { Say } from './say.mjs';
import { systemLanguage } from './messages.mjs';
import { uninstall } from './uninstall.mjs';
import { writeConfig } from './config.mjs';
import { writeLauncher } from './launcher.mjs';

const STEPS = [
  ['stepCheck', checkPc],
  ['stepDependencies', installDependencies],
  ['stepToken', obtainToken],
  ['stepConfig', writeConfig],
  ['stepShortcuts', makeShortcuts],
  ['stepLauncher', writeLauncher],
];

/** Returns the exit code. */
export async function main(argv, bundleFolder, env = process.env) {
  const language = systemLanguage(env);
  let say = new Say({ quiet: false, json: argv.includes('--json'), language });
  try {
    const options = parseOptions(argv, bundleFolder);
    say = new Say({ ...options, language });
    if (options.help) {
      process.stdout.write(`${say.text('help')}\n`);
      return 0;
    }
    const context = {
      bundle: readBundle(bundleFolder),
      bundleFolder,
      home: options.home,
      options,
      env,
      language,
      say,
    };
    if (options.uninstall) say.document(uninstall(context));
    else await install(context);
    return 0;
  } catch (error) {
    return report(error, say, doctorIn(bundleFolder));
  }
}

function readBundle(bundleFolder) {
  const bundle = readJson(path.join(bundleFolder, 'bundle.json'));
  if (!bundle) throw new Failure('noBundle', { folder: bundleFolder }, EXIT.integrity);
  if (bundle.format !== 1) throw new Failure('otherFormat', { format: bundle.format }, EXIT.integrity);
  return bundle;
}

async function install(context) {
  const { bundle, home, options, say, env } = context;
  const { receipt, log } = openHome(home);
  for (const secret of [bundle.enroll_key, readJson(configFile(home))?.token]) log.addSecret(secret);
  say.log = log;
  Object.assign(context, { log, receipt, sleep, result: { home, log: log.file } });
  for (const [index, [key, step]] of STEPS.entries()) {
    say.step(index + 1, STEPS.length, key);
    await say.during(step(context));
  }
  finish(context.result, say, !options.noBrowser && openInBrowser(context.result.open_chat, env));
}

function finish(result, say, opened) {
  say.line('done');
  say.line('howToStart', { launcher: result.launcher });
  say.line(opened ? 'pageOpening' : 'howToOpenPage', { page: result.open_chat });
  say.document(result);
}

function openHome(home) {
  try {
    const receipt = new Receipt(home);
    const file = path.join(home, 'logs', 'install.log');
    for (const each of [file, `${file}.old`]) receipt.record(each, 'file');
    return { receipt, log: new Log(file) };
  } catch (error) {
    if (BY_SYSTEM_CODE[error.code] === 'diskFullNow') throw error;
    throw new Failure('notWritable', { home, reason: error.code });
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const BY_SYSTEM_CODE = {
  ENOSPC: 'diskFullNow',
  EDQUOT: 'diskFullNow',
  EACCES: 'noAccess',
  EPERM: 'noAccess',
  EROFS: 'noAccess',
};

function report(error, say, doctor) {
  const failure = error instanceof Failure ? error : unexpected(error);
  const all = [failure, ...(failure.others ?? [])];
  const lines = all.map(({ key, values }) => say.failure(key, values));
  try {
    for (const [index, line] of lines.entries()) say.log?.write(`failed: ${line} ${all[index].detail}`);
    if (say.log) process.stderr.write(`${say.text('seeLog', { log: say.log.file })}\n`);
    if (doctor) process.stderr.write(`${say.text('seeDoctor', { command: doctor })}\n`);
  } catch {
    // A full disk cannot take the log either; the line above was said.
  }
  say.document({
    error: { code: failure.key, message: lines.join('\n'), exit_code: failure.exitCode },
  });
  return failure.exitCode;
}

/** The command that looks for what is wrong, in a bundle that brings opencat; else null. */
function doctorIn(bundleFolder) {
  const program = path.join(bundleFolder, 'tools', 'opencat', 'opencat');
  const found = [program, `${program}.exe`].find((file) => fs.existsSync(file));
  return found ? `"${found}" doctor pc --prefix "${bundleFolder}"` : null;
}

function unexpected(error) {
  const values = { file: error.path ?? '', reason: error.code ?? error.message };
  return new Failure(BY_SYSTEM_CODE[error.code] ?? 'unexpected', values, EXIT.failed, error.stack);
}
