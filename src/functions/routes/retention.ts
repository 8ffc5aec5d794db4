/** How long a sample is kept, and its end. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { requireScope } from '../auth/authenticate.ts';
import { validationHook } from '../openapi-hook.ts';
import { retentionSeconds } from '../retention.ts';
import { retentionRequest } from '../schemas/sample-request.ts';
import { sampleResponse } from '../schemas/sample-response.ts';
import { ownedJob, shown, unknownSample } from './owned-job.ts';
import { problem, requireJson } from './shared.ts';

const params = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });

const extend = createRoute({
  method: 'post',
  path: '/v1/samples/{id}/retention',
  summary: 'Keep a sample longer; it is never kept shorter than it already is',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: {
    params,
    body: { content: { 'application/json': { schema: retentionRequest } }, required: true },
  },
  responses: {
    200: {
      description: 'The sample as it is now; expires_at says until when it is kept',
      content: { 'application/json': { schema: sampleResponse } },
    },
    404: problem('No such sample'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/samples/{id}',
  summary: 'Delete a sample with its outputs, wherever it is; one that runs is stopped',
  middleware: requireScope('samples:write'),
  request: { params },
  responses: {
    204: { description: 'It is gone: from now on it answers 404' },
    404: problem('No such sample, or it is gone already'),
  },
});

export const retention = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(extend, async (c) => {
    const { id } = c.req.valid('param');
    const seconds = retentionSeconds(c.req.valid('json').retention_seconds, c.env);
    const record = await (await ownedJob(c, id)).keepFor(seconds);
    if (record === null) throw unknownSample(id);
    return c.json(await shown(c, record), 200);
  })
  .openapi(remove, async (c) => {
    await (await ownedJob(c, c.req.valid('param').id)).remove();
    return c.body(null, 204);
  });
