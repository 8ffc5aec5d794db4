/** `/v1/samples`: create, read, cancel. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { validationHook } from '../openapi-hook.ts';
import { renderSample } from '../render.ts';
import { resolveSample } from '../resolve.ts';
import { sampleRequest } from '../schemas/sample-request.ts';
import { sampleResponse } from '../schemas/sample-response.ts';
import { jobOf, ownedJob, ownedRecord, unknownSample } from './owned-job.ts';
import { problem, requireJson } from './shared.ts';

const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
const sampleBody = { 'application/json': { schema: sampleResponse } };

const create = createRoute({
  method: 'post',
  path: '/v1/samples',
  summary: 'Draw images',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: { body: { content: { 'application/json': { schema: sampleRequest } }, required: true } },
  responses: {
    202: { description: 'Accepted; follow urls.self', content: sampleBody },
    400: problem('The body is not JSON'),
    404: problem('No such model'),
    413: problem('The body is too large'),
    415: problem('The body is not application/json'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

const read = createRoute({
  method: 'get',
  path: '/v1/samples/{id}',
  summary: 'Status, progress, timing, outputs',
  middleware: requireScope('samples:read'),
  request: { params: idParam },
  responses: { 200: { description: 'The sample', content: sampleBody }, 404: problem('No such sample') },
});

const cancel = createRoute({
  method: 'post',
  path: '/v1/samples/{id}/cancel',
  summary: 'Stop within one step',
  middleware: requireScope('samples:write'),
  request: { params: idParam },
  responses: {
    200: { description: 'The sample as it is now; a finished one stays finished', content: sampleBody },
    404: problem('No such sample'),
  },
});

export const samples = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(create, async (c) => {
    const { origin } = new URL(c.req.url);
    const spec = resolveSample(c.req.valid('json'), { account: accountOf(c), origin }, c.env);
    const record = await jobOf(c.env, spec.id).create(spec);
    c.header('Location', `/v1/samples/${spec.id}`);
    return c.json(renderSample(record, origin), 202);
  })
  .openapi(read, async (c) => {
    const record = await ownedRecord(c, c.req.valid('param').id);
    return c.json(renderSample(record, new URL(c.req.url).origin), 200);
  })
  .openapi(cancel, async (c) => {
    const { id } = c.req.valid('param');
    const record = await (await ownedJob(c, id)).cancel();
    if (record === null) throw unknownSample(id);
    return c.json(renderSample(record, new URL(c.req.url).origin), 200);
  });
