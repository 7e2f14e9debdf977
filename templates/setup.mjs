// SPDX-License-Identifier: MIT
// What installing does on a user's PC; run by the Node of the bundle this file stands in. `--help` says more.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from './setup/main.mjs';

process.exitCode = await main(process.argv.slice(2), path.dirname(fileURLToPath(import.meta.url)));
