// SPDX-License-Identifier: MIT
// The part of an OpenCat server that `opencat bundle` speaks to: the enrolment key, issuing and deleting tokens.
// `tokens` holds what was issued and not deleted; `requests` what came.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';

export const ADMIN_SECRET = 'the-admin-secret';
export const ENROLL_KEY = 'the-enrolment-key';

export class TokenServer {
  constructor({ mode = 'key', knowsEnrollment = true, prefix = '' } = {}) {
    Object.assign(this, {
      mode,
      knowsEnrollment,
      prefix,
      requests: [],
      tokens: new Map(),
      failToIssue: false,
    });
    this.server = createServer((request, response) => {
      this.#handle(request, response).catch((error) => response.destroy(error));
    });
  }

  static async start(options) {
    const fake = new TokenServer(options);
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.url = `http://127.0.0.1:${fake.server.address().port}${fake.prefix}`;
    return fake;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #handle(request, response) {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const path = request.url.slice(this.prefix.length);
    this.requests.push({ method: request.method, path, headers: request.headers, body: text });
    const answer = (status, body) =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(body ? JSON.stringify(body) : undefined);
    if (request.headers['x-admin-secret'] !== ADMIN_SECRET) {
      return answer(401, {
        error: { code: 'UNAUTHORIZED', message: 'wrong secret', type: 'authentication_error' },
      });
    }
    if (request.method === 'GET' && path === '/api/admin/enrollment' && this.knowsEnrollment) {
      return answer(200, { mode: this.mode, key: ENROLL_KEY });
    }
    if (request.method === 'POST' && path === '/api/tokens') return this.#issue(JSON.parse(text), answer);
    if (request.method === 'DELETE' && path.startsWith('/api/admin/tokens/')) {
      return answer(this.tokens.delete(decodeURIComponent(path.split('/').pop())) ? 204 : 404);
    }
    return answer(404, { error: { code: 'NOT_FOUND', message: 'no such route' } });
  }

  #issue(body, answer) {
    if (this.failToIssue) return answer(503, { error: { code: 'SERVICE_UNAVAILABLE', message: 'full' } });
    const token = `occ_${randomBytes(16).toString('hex')}`;
    this.tokens.set(token, body);
    return answer(200, {
      id: `tok_${this.tokens.size}`,
      token,
      chat_url: `${this.url}/chat#token=${token}`,
      proxy_base_url: `${this.url}/v1`,
      quota: { daily_limit: 100, monthly_limit: 3000 },
      created_at: '2026-01-01T00:00:00Z',
    });
  }
}
