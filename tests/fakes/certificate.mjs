// SPDX-License-Identifier: MIT
// A certificate of a test's own, by the real openssl.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** { key, cert, file }: signed by itself, for these names; `file` is where the PEM is. */
export function certificate(folder, names) {
  const keyFile = path.join(folder, 'key.pem');
  const file = path.join(folder, 'cert.pem');
  const subject = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=OpenCat test', '-addext', `subjectAltName=${subject}`],
      ...['-keyout', keyFile, '-out', file],
    ],
    { stdio: 'ignore' },
  );
  return { key: fs.readFileSync(keyFile), cert: fs.readFileSync(file), file };
}
