// SPDX-License-Identifier: MIT
// Step 4: data/config.json, which the app reads. What the user added or chose in it stays. And what the app declares.
import { configureApp } from './app_config.mjs';
import { readJson } from './files.mjs';
import { configFile } from './token.mjs';

export function writeConfig(context) {
  const { bundle, home, grant, receipt, log } = context;
  const file = configFile(home);
  log.addSecret(grant.token);
  const old = readJson(file);
  const config = {
    model: 'auto',
    ...(old?.server_url === bundle.server_url && old), // another server has other models
    format: 1,
    token: grant.token,
    install_id: grant.install_id,
    server_url: bundle.server_url,
    proxy_base_url: grant.proxy_base_url,
    chat_url: grant.chat_url,
  };
  receipt.writeFile(file, `${JSON.stringify(config, null, 2)}\n`, 0o600);
  context.result.config = file;
  configureApp(context);
}
