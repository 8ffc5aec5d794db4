import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { readBody } from '../../src/functions/body.ts';
import { type Problem, problemResponse } from '../../src/functions/problem.ts';

const MAX_BYTES = 16;

/** An app that answers with the body that it was sent. */
function echo(withinMs?: number) {
  const app = new Hono().post('/', readBody(MAX_BYTES, withinMs), async (c) => c.text(await c.req.text()));
  app.onError((error, c) => problemResponse(c, error as Problem));
  return app;
}

/** Sends these pieces, with so many ms before each, and goes on for ever if it is told to. */
function slowly(pieces: readonly string[], pauseMs: number, end = true): RequestInit {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const send = async () => {
    const writer = writable.getWriter();
    for (const piece of pieces) {
      await scheduler.wait(pauseMs);
      await writer.write(new TextEncoder().encode(piece));
    }
    if (end) await writer.close();
  };
  send().catch(() => {}); // nobody reads on
  return { method: 'POST', body: readable };
}

it('hands on a body that comes in pieces, slowly', async () => {
  const response = await echo().request('/', slowly(['{"a"', ':1', '}'], 20));
  expect([response.status, await response.text()]).toEqual([200, '{"a":1}']);
});

it.each([
  ['that stops in the middle', ['{"a":']],
  ['of which nothing comes', []],
])('gives up a body %s', async (_, pieces) => {
  const response = await echo(100).request('/', slowly(pieces, 1, false));
  expect(response.status).toBe(408);
  expect(await response.json()).toMatchObject({
    type: '/problems/body-timeout',
    detail: 'the whole of it has to be here within 0.1 seconds',
  });
});

it('gives up a body that comes a byte at a time, for all that each is in time', async () => {
  const response = await echo(200).request('/', slowly([...'0123456789'], 40));
  expect(response.status).toBe(408);
});

it('says of a body that is too large what is read, however slowly it comes', async () => {
  const response = await echo().request('/', slowly(['0123456789', '0123456789'], 1));
  expect(response.status).toBe(413);
});
