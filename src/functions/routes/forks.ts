/** Jobs that come from other jobs: forks and replays. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { acceptSample } from '../accept.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { resolveFork } from '../fork.ts';
import { validationHook } from '../openapi-hook.ts';
import { resolveReplay } from '../replay.ts';
import { forkRequest } from '../schemas/fork-request.ts';
import { acceptedResponses, answerOf, createHeaders } from './accepted.ts';
import { jobOf, ownedRecord, unknownSample } from './owned-job.ts';
import { anyBody, problem, requireJson } from './shared.ts';

const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });

const fork = createRoute({
  method: 'post',
  path: '/v1/samples/{id}/fork',
  summary: 'Go on from a kept step with another class, scale, sampler, tail or seed',
  description:
    'The trajectory before the step is shared, not computed again. The sample may be running, finished, failed or canceled; it may be deleted once this is answered. What is not named stays as it was; a new seed changes the noise after the step alone. progress counts the whole trajectory: shared_steps of its steps lie before the fork.',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: {
    params: idParam,
    headers: createHeaders,
    body: { content: { 'application/json': { schema: forkRequest } }, required: true },
  },
  responses: {
    ...acceptedResponses,
    404: problem('No such sample'),
    409: problem('The step is not kept, or not by every batch yet; or the model is another one now'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

const replay = createRoute({
  method: 'post',
  path: '/v1/samples/{id}/replay',
  summary: 'Run a finished sample again and compare every final tensor by its SHA-256',
  description:
    'A new sample with the same request and, per batch, the same changes of course from the same steps. Its replay says whether it is equal once it is over.',
  middleware: [requireScope('samples:write'), anyBody] as const,
  request: { params: idParam, headers: createHeaders },
  responses: {
    ...acceptedResponses,
    404: problem('No such sample'),
    409: problem('It has not succeeded, or the model is another one now'),
  },
});

export const forks = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(fork, async (c) => {
    const { id } = c.req.valid('param');
    const source = await ownedRecord(c, id);
    const { origin } = new URL(c.req.url);
    const from = { account: accountOf(c), origin, now: Date.now() };
    const resolved = resolveFork(c.req.valid('json'), source, from, c.env);
    const spec = await resolved.catch(async (error) => {
      // Of a source that is being deleted its steps go first: what is missing then is not a step.
      if ((await jobOf(c.env, id).owner()) === null) throw unknownSample(id);
      throw error;
    });
    return c.json(...(await answerOf(c, await acceptSample(c, spec))));
  })
  .openapi(replay, async (c) => {
    const original = await ownedRecord(c, c.req.valid('param').id);
    const { origin } = new URL(c.req.url);
    const spec = resolveReplay(original, { account: accountOf(c), origin, now: Date.now() });
    return c.json(...(await answerOf(c, await acceptSample(c, spec))));
  });
