/** A client of the DevTools protocol, of which both Node and workerd speak what V8 itself understands. */
import { once } from 'node:events';

export interface Inspector {
  /** @throws {Error} if the other side refuses, or the connection ends before the answer */
  ask<Result>(method: string): Promise<Result>;
  close(): void;
}

export async function openInspector(url: string): Promise<Inspector> {
  const socket = new WebSocket(url);
  await Promise.race([
    once(socket, 'open'),
    once(socket, 'error').then(() => Promise.reject(new Error(`nothing to inspect at ${url}`))),
  ]);
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  socket.addEventListener('close', () => {
    for (const [id, settle] of waiting) settle({ id, error: { message: 'the connection has ended' } });
  });
  let lastId = 0;
  return {
    ask: async (method) => {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const id = ++lastId;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method }));
      const { result, error } = await promise;
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result as never;
    },
    close: () => socket.close(),
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}
