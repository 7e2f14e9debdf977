// SPDX-License-Identifier: MIT
// What the command line says. Options come in any order; `--` ends them; the rest is the message.
import { Failure } from './failure.mjs';

export function parseArguments(argv) {
  const options = { help: false, version: false, model: undefined, message: undefined };
  const words = [];
  const rest = [...argv];
  while (rest.length > 0) {
    const argument = rest.shift();
    const [name, inline] = argument.startsWith('--') ? splitOption(argument) : [argument];
    if (argument === '--') words.push(...rest.splice(0));
    else if (name === '-h' || name === '--help') options.help = true;
    else if (name === '-V' || name === '--version') options.version = true;
    else if (name === '-m' || name === '--model') {
      options.model = inline ?? rest.shift();
      if (!options.model) throw new Failure('needsValue', { option: name }, 2);
    } else if (argument.length > 1 && argument.startsWith('-')) {
      throw new Failure('unknownOption', { option: name }, 2);
    } else words.push(argument);
  }
  if (words.length > 0) options.message = words.join(' ');
  return options;
}

function splitOption(argument) {
  const equals = argument.indexOf('=');
  return equals < 0 ? [argument] : [argument.slice(0, equals), argument.slice(equals + 1)];
}
