// SPDX-License-Identifier: MIT
// The built-in terminal chat, with the real openai client and the real Node, against a server that follows the contract
// and one that breaks it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { appModules, templates } from '../fakes/bundle.mjs';
import { ANSWER, FakeOpencat, sendError, sendPiece, startStream } from '../fakes/opencat_server.mjs';
import { nodeRuntime } from '../fakes/runtime.mjs';
import { assertSucceeded, hasProgram, run, start, temporaryFolder, userEnvironment } from './helpers.mjs';

const CHAT = '/v1/chat/completions';
const node = path.join(nodeRuntime(), 'bin', 'node');
const folder = temporaryFolder();
const app = path.join(folder, 'lib', 'app', 'chat.mjs');
const config = path.join(folder, 'data', 'config.json');
let server, env;

before(async () => {
  server = await FakeOpencat.start();
  fs.cpSync(path.join(templates, 'app'), path.dirname(app), { recursive: true });
  fs.rmSync(path.join(path.dirname(app), 'node_modules'), { recursive: true, force: true });
  fs.symlinkSync(appModules(), path.join(path.dirname(app), 'node_modules'));
  fs.mkdirSync(path.dirname(config));
  env = userEnvironment(path.join(folder, 'home'));
});
after(() => server.stop());

beforeEach(() => {
  server.requests.length = 0;
  const { token, proxy_base_url } = server.issue({});
  fs.writeFileSync(
    config,
    JSON.stringify({ format: 1, token, server_url: server.url, proxy_base_url, model: 'auto' }),
  );
});

const chat = (args, options = {}) => run(node, [app, ...args], { env, ...options });
const inChinese = () => ({ env: { ...env, LC_ALL: 'zh_CN.UTF-8' } });

async function assertFails(options, code, pattern) {
  const result = await chat(['hi'], options);
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, pattern);
  assert.equal(result.stderr.trim().split('\n').length, 1, 'one line, no stack');
  return result;
}

test('the words of the command line are the message; --model names the model', async () => {
  const { stdout } = assertSucceeded(await chat(['what', 'is', 'it?', '--model', 'big']));
  assert.equal(stdout, `${ANSWER.join('')}\n`);
  assert.deepEqual(server.requests[0].body, {
    model: 'big',
    messages: [{ role: 'user', content: 'what is it?' }],
    stream: true,
  });
});

test('a piped message is one message, line ends and all', async () => {
  assertSucceeded(await chat([], { input: '第一行\nsecond\n' }));
  assert.equal(server.requests[0].body.messages[0].content, '第一行\nsecond');
});

test('each piece is shown as it arrives, not at the end', { timeout: 20000 }, async () => {
  let response;
  server.next(CHAT, (request, answer) => {
    response = answer;
    startStream(response);
    sendPiece(response, 'first');
  });
  const chatting = start(node, [app, 'hi'], { env });
  await chatting.until(/^first$/); // while the server still holds the rest back
  sendPiece(response, ' second');
  await chatting.until(/^first second$/);
  sendPiece(response, null, 'stop');
  response.end('data: [DONE]\n\n');
  assert.deepEqual(await chatting.done, { code: 0, signal: null, stdout: 'first second\n', stderr: '' });
});

test("the user's settings for OpenAI's own service do not reach this server", async () => {
  const foreign = {
    OPENAI_API_KEY: 'sk-foreign',
    OPENAI_ORG_ID: 'org-foreign',
    OPENAI_BASE_URL: 'http://127.0.0.1:9',
    OPENAI_CUSTOM_HEADERS: 'X-Foreign: 1',
    OPENAI_LOG: 'debug',
  };
  const { stderr } = assertSucceeded(await chat(['hi'], { env: { ...env, ...foreign } }));
  assert.equal(stderr, '');
  assert.ok(!JSON.stringify(server.requests[0].headers).includes('oreign'));
});

test('a wrong option: 2 and its name; no message: 2; --help and --version: 0, without a configuration', async () => {
  const wrong = await chat(['--modle', 'x']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--modle/);
  assert.equal((await chat(['--model'])).code, 2);
  assert.equal((await chat([], { input: ' \n' })).code, 2);
  fs.rmSync(config);
  assert.match(assertSucceeded(await chat(['--help'])).stdout, /Usage: opencat-chat/);
  assert.match(assertSucceeded(await chat(['--help'], inChinese())).stdout, /用法: opencat-chat/);
  assert.equal(assertSucceeded(await chat(['--version'])).stdout, '0.1.0\n');
});

test('no configuration, or one without a token: 5, and what to do', async () => {
  fs.writeFileSync(config, '{"format":1}');
  await assertFails({}, 5, /no token.*run the installer again/);
  fs.rmSync(config);
  await assertFails({}, 5, /not installed yet/);
  await assertFails(inChinese(), 5, /尚未安装/);
});

for (const [name, status, code, exit, english, chinese] of [
  ['an ended plan', 403, 'TOKEN_EXPIRED', 5, /plan has ended/, /套餐已到期/],
  ['a model outside the plan', 403, 'MODEL_NOT_ALLOWED', 5, /plan does not have/, /套餐不含/],
  ['a disabled token', 403, 'TOKEN_DISABLED', 5, /has been disabled/, /已被停用/],
  ['an unknown token', 401, 'UNAUTHORIZED', 5, /does not know this token/, /不认识这个令牌/],
  ['a used-up quota', 429, 'QUOTA_EXCEEDED', 5, /quota is used up.*in 90 seconds/, /额度已用完.*90 秒/],
  ['a rate limit', 429, 'RATE_LIMITED', 5, /too many requests.*in 90 seconds/, /太频繁.*90 秒/],
  ['an unknown model', 400, 'MODEL_NOT_FOUND', 1, /no such model/, /没有这个模型/],
  [
    'a model that takes too long',
    504,
    'UPSTREAM_TIMEOUT',
    3,
    /model behind it does not answer/,
    /模型没有应答/,
  ],
]) {
  test(`${name}: exit ${exit}, in words, without trying again`, async () => {
    const refuse = (request, response) => sendError(response, status, code, { 'retry-after': '90' });
    server.next(CHAT, refuse);
    await assertFails({}, exit, english);
    server.next(CHAT, refuse);
    await assertFails(inChinese(), exit, chinese);
    assert.equal(server.count('POST', CHAT), 2);
  });
}

test('a passing trouble is sat out: 502, then the answer', async () => {
  server.next(CHAT, (request, response) => sendError(response, 502, 'UPSTREAM_ERROR'));
  assertSucceeded(await chat(['hi']));
  assert.equal(server.count('POST', CHAT), 2);
});

test('a server that is not there: 3', async () => {
  const gone = await FakeOpencat.start();
  await gone.stop();
  fs.writeFileSync(config, JSON.stringify({ token: 'occ_1', proxy_base_url: `${gone.url}/v1` }));
  await assertFails({}, 3, /cannot be reached \(ECONNREFUSED\)/);
});

for (const [name, breakOff] of [
  [
    'an error event',
    (response) => response.end('data: {"error":{"code":"UPSTREAM_ERROR","message":"it broke"}}\n\n'),
  ],
  ['a clean end without a finish', (response) => response.end()],
  ['a cut connection', (response) => response.destroy()],
]) {
  test(`a stream that ends in ${name} is no answer: 3, after what had come`, async () => {
    server.next(CHAT, (request, response) => {
      startStream(response);
      sendPiece(response, 'half', null);
      setImmediate(() => breakOff(response));
    });
    const { stdout } = await assertFails({}, 3, /broke off/);
    // A reset may overtake what was sent before it; an end in order may not.
    assert.ok(stdout === 'half\n' || (name === 'a cut connection' && stdout === ''), stdout);
    assert.equal(
      server.count('POST', CHAT),
      1,
      'half an answer was paid for; it is not asked again unbidden',
    );
  });
}

test(
  'Ctrl-C (SIGINT) ends a single answer with 130, and the request with it',
  { timeout: 20000 },
  async () => {
    let gone;
    server.next(CHAT, (request, response) => {
      gone = new Promise((resolve) => response.once('close', resolve));
      startStream(response);
      sendPiece(response, 'begun');
    });
    const chatting = start(node, [app, 'hi'], { env });
    await chatting.until(/begun/);
    chatting.child.kill('SIGINT');
    const { code, stdout } = await chatting.done;
    assert.equal(code, 130);
    assert.equal(stdout, 'begun\n');
    await gone;
  },
);

test('a reader that leaves early (| head) is no error', async () => {
  const piped = await run('sh', ['-c', '{ "$@"; echo "code $?" >&2; } | head -c 1', 'sh', node, app, 'hi'], {
    env,
  });
  assert.match(piped.stderr, /^code 0$/m, piped.stderr);
});

const skip = hasProgram('script') ? false : 'script (util-linux) makes the terminal, and it is not here';

/** The app in a real terminal; `type` writes keys. */
function inTerminal(changes = {}) {
  const command = `'${node}' '${app}'`;
  const chatting = start('script', ['-qefc', command, '/dev/null'], {
    env: { ...env, TERM: 'xterm', ...changes },
    input: '',
  });
  chatting.type = (keys) => chatting.child.stdin.write(keys);
  return chatting;
}

test('a conversation: it remembers, /new forgets, /exit leaves', { skip, timeout: 30000 }, async () => {
  const chatting = inTerminal();
  const asked = (count) => new RegExp(`(${ANSWER.at(-2).replaceAll('*', '\\*')}[^]*> [^]*){${count}}`);
  await chatting.until(/> /);
  chatting.type('one\r');
  await chatting.until(asked(1));
  chatting.type('two\r');
  await chatting.until(asked(2));
  chatting.type('/new\r');
  await chatting.until(/A new conversation/);
  chatting.type('three\r');
  await chatting.until(asked(3));
  chatting.type('/exit\r');
  assert.equal((await chatting.done).code, 0);
  const roles = server.requests.map((each) => each.body.messages.map((message) => message.content));
  assert.deepEqual(roles, [['one'], ['one', ANSWER.join(''), 'two'], ['three']]);
});

test(
  'Ctrl-C stops an answer, keeps what came, and again leaves; nothing may command the terminal',
  { skip, timeout: 30000 },
  async () => {
    const chatting = inTerminal({ LC_ALL: 'zh_CN.UTF-8' });
    await chatting.until(/> /);
    server.next(CHAT, (request, response) => {
      startStream(response);
      sendPiece(response, 'par\x1b]0;title\x07tial');
    });
    chatting.type('long\r');
    await chatting.until(/par\]0;titletial/);
    chatting.type('\x03');
    await chatting.until(/已停止[^]*> /);
    server.next(CHAT, (request, response) =>
      sendError(response, 429, 'RATE_LIMITED', { 'retry-after': '90' }),
    );
    chatting.type('again\r');
    await chatting.until(/太频繁[^]*> /);
    chatting.type('once more\r');
    await chatting.until(/streamed[^]*> /);
    chatting.type('\x03');
    assert.equal((await chatting.done).code, 0);
    const contents = server.requests.at(-1).body.messages.map((message) => message.content);
    assert.deepEqual(contents, ['long', 'par\x1b]0;title\x07tial', 'once more']);
  },
);
