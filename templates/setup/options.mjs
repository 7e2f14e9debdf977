// SPDX-License-Identifier: MIT
import path from 'node:path';
import { EXIT, Failure } from './failure.mjs';

const FLAGS = {
  '--no-shortcut': 'noShortcut',
  '--no-browser': 'noBrowser',
  '--yes': 'yes', // nothing is ever asked; scripts that pass it to every installer may pass it here too
  '--quiet': 'quiet',
  '--json': 'json',
  '--uninstall': 'uninstall',
  '--keep-token': 'keepToken',
  '--help': 'help',
};

/** `home` is absolute; it is the bundle's own folder unless --home says otherwise. */
export function parseOptions(argv, bundleFolder) {
  const options = { home: bundleFolder };
  for (const name of Object.values(FLAGS)) options[name] = false;
  const rest = [...argv];
  while (rest.length > 0) {
    const argument = rest.shift();
    if (argument === '-h') options.help = true;
    else if (FLAGS[argument]) options[FLAGS[argument]] = true;
    else if (argument === '--home' || argument.startsWith('--home=')) {
      const value = argument === '--home' ? rest.shift() : argument.slice('--home='.length);
      if (!value) throw new Failure('needsValue', { option: '--home' }, EXIT.usage);
      options.home = path.resolve(value);
    } else throw new Failure('unknownOption', { option: argument }, EXIT.usage);
  }
  return options;
}
