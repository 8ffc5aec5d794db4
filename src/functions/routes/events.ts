/** `/v1/samples/{id}/events`: watch a sample, by server-sent events or over a WebSocket. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { requireScopeOrSignature } from '../auth/authenticate.ts';
import { validationHook } from '../openapi-hook.ts';
import { Problem } from '../problem.ts';
import { sampleEvent } from '../schemas/events.ts';
import { ownedJob } from './owned-job.ts';
import { problem } from './shared.ts';

const eventId = z.string().regex(/^\d{1,15}$/, 'expected the id of an event: a whole number');

const watch = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/events',
  summary: 'Watch: status, steps, previews, outputs, the end',
  description:
    'Server-sent events, or with Upgrade: websocket the same as JSON messages {id, event, data}. Both begin with what is still true and end after done. With Last-Event-ID, or last_event_id, they begin after that event: of steps and previews, those that were replaced since are left out. Leaving does not cancel anything. Over a WebSocket, a reader says {"ack": id} now and then; one that is two million characters behind and has not is closed with code 1013 and may come again with the last id it has. It may also say ping, and gets pong.',
  middleware: requireScopeOrSignature('samples:read'),
  request: {
    params: z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) }),
    query: z.object({
      last_event_id: eventId.optional().openapi({
        param: { name: 'last_event_id', in: 'query' },
        description: 'As the header Last-Event-ID, where none can be set.',
      }),
    }),
    headers: z.object({
      'last-event-id': z.union([eventId, z.literal('')], { error: 'expected the id of an event' }).optional(),
    }),
  },
  responses: {
    101: { description: 'Over a WebSocket, messages of the schema SampleEvent' },
    200: { description: 'Events', content: { 'text/event-stream': { schema: sampleEvent } } },
    204: { description: 'The sample is over, and that was its last event' },
    404: problem('No such sample'),
    422: problem('The last event id is none'),
    429: problem('Too many readers already'),
  },
});

export const events = new OpenAPIHono<AppEnv>({ defaultHook: validationHook }).openapi(watch, async (c) => {
  const { id } = c.req.valid('param');
  const job = await ownedJob(c, id);
  const header = c.req.valid('header')['last-event-id'] || undefined;
  const url = new URL('https://job/events');
  url.searchParams.set('after', header ?? c.req.valid('query').last_event_id ?? '0');
  url.searchParams.set('origin', new URL(c.req.url).origin);
  const upgrade = c.req.header('Upgrade');
  const answer = await job.fetch(url, {
    headers: upgrade === undefined ? {} : { Upgrade: upgrade },
    signal: c.req.raw.signal,
  });
  if (answer.status === 429)
    throw new Problem('too-many-readers', 'watch with fewer connections, or poll the sample');
  // The object's answer may not be changed, and the middleware adds headers: its body and socket go on in one of our own.
  const { status, headers, webSocket } = answer;
  return new Response(answer.body, { status, headers, webSocket });
});
