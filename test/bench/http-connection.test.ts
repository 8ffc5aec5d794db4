import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { HttpConnection } from '../../src/bench/http-connection.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers the first bytes of a connection. */
async function connectTo(answer: (socket: Socket) => void): Promise<HttpConnection> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const connection = new HttpConnection(new URL(`http://127.0.0.1:${port}`));
  closers.push(
    () => connection.close(),
    () => server.close(),
  );
  return connection;
}

const send = (connection: HttpConnection) => connection.exchange(Buffer.from('head'), Buffer.from('body'));

test('an answer is whole when its body is, wherever it is cut', async () => {
  const body = 'x'.repeat(300_000);
  const text = `HTTP/1.1 200 OK\r\nInference-Header-Content-Length: 7\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (const cut of [5, 60, text.indexOf('\r\n\r\n') + 2, text.length - 1]) {
    let done = false;
    const connection = await connectTo(async (socket) => {
      socket.write(text.slice(0, cut));
      await delay(20);
      expect(done).toBe(false);
      socket.write(text.slice(cut));
    });
    for (let again = 0; again < 2; again++) {
      done = false;
      expect(await send(connection)).toBe(200);
      done = true;
    }
  }
});

test('a status that is no 200 is told', async () => {
  const connection = await connectTo((socket) => {
    socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}');
  });
  expect(await send(connection)).toBe(503);
});

test('an answer that breaks off, or has no length, fails', async () => {
  const broken = await connectTo((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
  });
  await expect(send(broken)).rejects.toThrow('closed the connection');
  const endless = await connectTo((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  await expect(send(endless)).rejects.toThrow('no Content-Length');
});
