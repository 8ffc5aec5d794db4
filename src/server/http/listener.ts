/** The listening socket: HTTP or HTTPS, with limits on what a connection may cost. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Limits } from './limits.ts';
import type { TlsFiles } from './tls.ts';
import { readTls, watchTls } from './tls.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly limits: Limits;
  /** Absent for plain HTTP. */
  readonly tls?: TlsFiles;
  readonly fetch: Parameters<typeof getRequestListener>[0];
  readonly events: ListenerEvents;
}

export interface ListenerEvents {
  connectionRefused(): void;
  /** What came was no request, or not in time. */
  connectionBroken(reason: string): void;
  tlsReloaded(): void;
  tlsRefused(reason: string): void;
}

export interface Listener {
  readonly url: string;
  readonly connections: number;
  /** Takes no new connections, lets answers that are under way leave for at most `ms`, and cuts the rest. */
  close(ms: number): Promise<void>;
}

/** How often Node looks for connections that are too slow. */
const CHECK_EVERY_MS = 1000;

/** @throws {Error} if the port is taken, or certificate and key can't be used */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, limits, tls, fetch, events } = options;
  const settings = {
    headersTimeout: Math.min(limits.headTimeoutMs, limits.bodyTimeoutMs),
    requestTimeout: limits.bodyTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, limits.headTimeoutMs),
  };
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false, hostname: host });
  const server: Server =
    tls === undefined
      ? createServer(settings, answer)
      : createTlsServer({ ...settings, ...readTls(tls), handshakeTimeout: limits.headTimeoutMs }, answer);
  const stopWatching = tls === undefined ? () => {} : watchTls(server, tls, events);
  const sockets = limitConnections(server, limits.maxConnections, events);
  answerBrokenRequests(server, events);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    stopWatching();
    throw error;
  }

  return {
    url: urlOf(server, host, tls !== undefined),
    get connections() {
      return sockets.size;
    },
    close: async (ms) => {
      stopWatching();
      const closed = once(server, 'close');
      server.close();
      const timer = setTimeout(() => server.closeAllConnections(), ms);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** A server's own `maxConnections` says nothing of those it turned away. */
function limitConnections(server: Server, limit: number, events: ListenerEvents): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = limit;
  server.on('drop', () => events.connectionRefused());
  return sockets;
}

interface BrokenRequest extends Error {
  readonly code?: string;
}

/** By Node's code for what is wrong; 400 for anything else that is no HTTP. */
const ANSWERS: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the head of the request is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Payload Too Large', "the body's chunk extensions are too large"],
};

/** In the protocol's error shape too; without a word if the connection owes the answer to an earlier request. */
function answerBrokenRequests(server: Server, events: ListenerEvents): void {
  const owing = new WeakSet<Socket>();
  server.on('request', (incoming, outgoing) => {
    owing.add(incoming.socket);
    outgoing.once('close', () => owing.delete(incoming.socket));
  });
  // Failed TLS handshakes too.
  server.on('clientError', (error: BrokenRequest, socket: Socket) => {
    const { code = '' } = error;
    if (code === 'ECONNRESET' || code === 'EPIPE') return socket.destroy();
    events.connectionBroken(error.message);
    const isTimeout = code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (!socket.writable || (owing.has(socket) && !isTimeout)) return socket.destroy();
    const [status, message] = ANSWERS[code] ?? ['400 Bad Request', 'this is no HTTP request'];
    const body = JSON.stringify({ error: message });
    const head = [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  });
}

function urlOf(server: Server, host: string, secure: boolean): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
