// SPDX-License-Identifier: MIT
// Checks GitHub's workflows with the library by which GitHub's own editors check them: node tools/workflows.mjs FILE…
// It is written to be bundled (it imports JSON without the attribute that Node wants), so esbuild does that first.
import { buildSync } from 'esbuild';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const bundled = fileURLToPath(new URL('node_modules/.cache/languageservice.cjs', import.meta.url));
buildSync({
  stdin: {
    contents: `export { validate } from '@actions/languageservice';
      export { TextDocument } from 'vscode-languageserver-textdocument';`,
    resolveDir: fileURLToPath(new URL('.', import.meta.url)),
  },
  outfile: bundled,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  logLevel: 'error',
});
const { validate, TextDocument } = createRequire(import.meta.url)(bundled);

for (const file of process.argv.slice(2)) {
  const url = pathToFileURL(resolve(file)).href;
  const text = readFileSync(file, 'utf8');
  for (const { message, range } of await validate(TextDocument.create(url, 'yaml', 1, text))) {
    console.error(`${file}:${range.start.line + 1}:${range.start.character + 1}: ${message}`);
    process.exitCode = 1;
  }
}
