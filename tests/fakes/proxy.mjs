// SPDX-License-Identifier: MIT
// A company's proxy on loopback: CONNECT, and plain requests by absolute URL. It leads every name to where it is told.
import http from 'node:http';
import net from 'node:net';

export class Proxy {
  /** `hosts`: "name:port" → the port on loopback that answers for it; others are refused with 502. */
  static async start(hosts) {
    const proxy = new Proxy();
    Object.assign(proxy, { hosts, asked: [], sockets: new Set() });
    proxy.server = http.createServer((request, response) => proxy.#forward(request, response));
    proxy.server.on('connect', (request, socket, head) => proxy.#tunnel(request, socket, head));
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #tunnel(request, socket, head) {
    this.asked.push(request.url);
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const port = this.hosts[request.url.toLowerCase()];
    if (!port) return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const upstream = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    this.sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
  }

  #forward(request, response) {
    const url = new URL(request.url);
    const name = `${url.hostname}:${url.port || 80}`;
    this.asked.push(name);
    const port = this.hosts[name];
    if (!port) return response.writeHead(502).end();
    const options = { port, host: '127.0.0.1', path: url.pathname, headers: request.headers };
    http.get(options, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
  }
}
