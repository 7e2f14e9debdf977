// SPDX-License-Identifier: MIT
// An OpenCat server as the wire contract describes it, as far as bundling, installing and chatting go: for tests that
// must not need the C++ program. `requests` records what came, `tokens` holds each issued token with what was asked for
// it; `next(path, handler)` answers the next request to a path otherwise.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';

export const ADMIN_SECRET = 'the-admin-secret';
export const ENROLL_KEY = 'the-enrolment-key';
export const ANSWER = ['你好', '，', 'this ', 'is ', '**streamed**', '.'];

export class FakeOpencat {
  /** `enrollment` is what an administrator is told of it; null stands for a server too old to say. */
  constructor({ enrollKey = null, prefix = '', enrollment = { mode: 'key', key: ENROLL_KEY } } = {}) {
    Object.assign(this, {
      enrollKey,
      prefix,
      enrollment,
      requests: [],
      tokens: new Map(),
      overrides: [],
      issued: 0,
      ids: new Map(),
    });
    this.server = createServer((request, response) => {
      this.#handle(request, response).catch((error) => response.destroy(error));
    });
  }

  static async start(options) {
    const fake = new FakeOpencat(options);
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}${fake.prefix}`;
    return fake;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  count(method, path) {
    return this.requests.filter((each) => each.method === method && each.path === path).length;
  }

  /** handler(request, response, body) answers one request to `path` in place of the usual answer. */
  next(path, handler) {
    this.overrides.push({ path, handler });
  }

  /** The answer of POST /api/tokens, as `opencat bundle --pre-token` would put it into token.json. */
  issue(asked) {
    const token = `occ_${randomBytes(16).toString('hex')}`;
    this.issued += 1;
    const id = `tok_${this.issued}`;
    this.ids.set(id, token);
    this.tokens.set(token, { ...asked, id });
    return {
      id,
      token,
      chat_url: `${this.url}/chat#token=${token}`,
      proxy_base_url: `${this.url}/v1`,
      quota: { daily_limit: 100, monthly_limit: 3000 },
      created_at: '2026-01-01T00:00:00Z',
    };
  }

  async #handle(request, response) {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const path = request.url.slice(this.prefix.length);
    const body = text ? JSON.parse(text) : null;
    this.requests.push({ method: request.method, path, headers: request.headers, body });
    const index = this.overrides.findIndex((each) => each.path === path);
    if (index >= 0) return this.overrides.splice(index, 1)[0].handler(request, response, body);
    const secret = request.headers['x-admin-secret'];
    if (secret !== undefined && secret !== ADMIN_SECRET) return sendError(response, 401, 'UNAUTHORIZED');
    if (path.startsWith('/api/admin/')) return this.#administer(request, response, path);
    if (path === '/api/tokens') return this.#issueToken(request, response, body);
    const known = this.tokens.has((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (path === '/api/tokens/self/status') {
      return known
        ? sendJson(response, 200, { status: 'active' })
        : sendError(response, 404, 'TOKEN_NOT_FOUND');
    }
    if (path !== '/v1/chat/completions') return sendError(response, 404, 'NOT_FOUND');
    return known ? streamAnswer(response, ANSWER) : sendError(response, 401, 'UNAUTHORIZED');
  }

  #administer(request, response, path) {
    if (!request.headers['x-admin-secret']) return sendError(response, 401, 'UNAUTHORIZED');
    if (request.method === 'GET' && path === '/api/admin/enrollment' && this.enrollment) {
      return sendJson(response, 200, this.enrollment);
    }
    if (request.method === 'GET' && path.startsWith('/api/admin/tokens?q=')) {
      const wanted = decodeURIComponent(path.split('q=')[1]);
      const all = [...this.tokens.values()].filter(({ install_id }) => install_id.includes(wanted));
      return sendJson(response, 200, { tokens: all, total: all.length, page: 1, limit: 50 });
    }
    const named = decodeURIComponent(path.split('/').pop());
    const deleted = request.method === 'DELETE' && this.tokens.delete(this.ids.get(named) ?? named);
    return deleted ? response.writeHead(204).end() : sendError(response, 404, 'NOT_FOUND');
  }

  #issueToken(request, response, body) {
    const isAdmin = 'x-admin-secret' in request.headers;
    if (this.enrollKey && !isAdmin && request.headers['x-enroll-key'] !== this.enrollKey) {
      return sendError(response, 401, 'UNAUTHORIZED');
    }
    const valid =
      body?.platform && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(body.install_id) && body.version;
    return valid ? sendJson(response, 200, this.issue(body)) : sendError(response, 400, 'INVALID_REQUEST');
  }
}

export function sendJson(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function sendError(response, status, code, headers = {}) {
  sendJson(
    response,
    status,
    { error: { code, message: `${code} said the server`, type: 'error', param: null } },
    headers,
  );
}

export function startStream(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

export function sendPiece(response, content, finish_reason = null) {
  const delta = content === null ? {} : { content };
  const chunk = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'fake',
    choices: [{ index: 0, delta, finish_reason }],
  };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

export function streamAnswer(response, pieces) {
  startStream(response);
  for (const piece of pieces) sendPiece(response, piece);
  sendPiece(response, null, 'stop');
  response.end('data: [DONE]\n\n');
}
