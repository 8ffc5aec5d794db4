/** `/v1/samples`: create, read, cancel. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { JobRecord } from '../../durable/job/job-record.ts';
import { acceptSample, requireActivePlace } from '../accept.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { decodeImageCursor } from '../cursor.ts';
import { imagePageOf } from '../image-page.ts';
import { refuseLarge } from '../large-run.ts';
import { MAX_IMAGE_PAGE } from '../limits.ts';
import { validationHook } from '../openapi-hook.ts';
import { awaitPreferred } from '../prefer.ts';
import { Problem } from '../problem.ts';
import { resolvePatch } from '../resolve.ts';
import { samplePatch, sampleRequest } from '../schemas/sample-request.ts';
import { imagePage, type SampleResponse, sampleResponse } from '../schemas/sample-response.ts';
import { resolveStarted } from '../start-from.ts';
import { acceptedResponses, answerOf, createHeaders, waitHeaders } from './accepted.ts';
import { jobOf, linksOf, ownedImages, ownedJob, ownedRecord, shown, unknownSample } from './owned-job.ts';
import { problem, requireJson } from './shared.ts';

const idParam = z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) });
const imagesQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_IMAGE_PAGE)
    .default(256)
    .openapi({ description: 'Images of a page, at most.' }),
  cursor: z.string().optional().openapi({ description: 'next_cursor of the page before.' }),
  ready: z.enum(['0', '1']).optional().openapi({ description: '1: those only that are written by now.' }),
});
const sampleBody = { 'application/json': { schema: sampleResponse } };

const create = createRoute({
  method: 'post',
  path: '/v1/samples',
  summary: 'Draw images',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: {
    headers: createHeaders,
    body: { content: { 'application/json': { schema: sampleRequest } }, required: true },
  },
  responses: {
    ...acceptedResponses,
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
  request: { params: idParam, headers: waitHeaders },
  responses: { 200: { description: 'The sample', content: sampleBody }, 404: problem('No such sample') },
});

const images = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/images',
  summary: 'The images by the page, those of a large run too, while it runs and afterwards',
  middleware: requireScope('samples:read'),
  request: { params: idParam, query: imagesQuery },
  responses: {
    200: { description: 'Images in their order', content: { 'application/json': { schema: imagePage } } },
    404: problem('No such sample'),
    422: problem('The query is not valid'),
  },
});

/** Both may be asked of any sample, and again. */
function haltRoute<Verb extends 'cancel' | 'pause'>(verb: Verb, summary: string) {
  return createRoute({
    method: 'post',
    path: `/v1/samples/{id}/${verb}`,
    summary,
    middleware: requireScope('samples:write'),
    request: { params: idParam },
    responses: {
      200: { description: 'The sample as it is now; a finished one stays finished', content: sampleBody },
      404: problem('No such sample'),
    },
  });
}

const cancel = haltRoute('cancel', 'Stop within one step');
const pause = haltRoute('pause', 'Stand still within one step');

const resume = createRoute({
  method: 'post',
  path: '/v1/samples/{id}/resume',
  summary: 'Go on after a pause, or take a failed sample up again at its last good step',
  middleware: requireScope('samples:write'),
  request: { params: idParam },
  responses: {
    200: { description: 'The sample as it is now', content: sampleBody },
    404: problem('No such sample'),
    409: problem('It has succeeded or was canceled'),
    429: problem('It had failed, and the account has as many jobs that are not over as it may'),
  },
});

const patch = createRoute({
  method: 'patch',
  path: '/v1/samples/{id}',
  summary: 'Change class or guidance while it runs',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: {
    params: idParam,
    body: { content: { 'application/json': { schema: samplePatch } }, required: true },
  },
  responses: {
    200: { description: 'The sample as it is now; patches says from which step on', content: sampleBody },
    404: problem('No such sample'),
    409: problem('It is over, or of more than 256 images'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

export const samples = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(create, async (c) => {
    const { origin } = new URL(c.req.url);
    const from = { account: accountOf(c), origin, now: Date.now() };
    const spec = await resolveStarted(c, c.req.valid('json'), from);
    return c.json(...(await answerOf(c, await acceptSample(c, spec))));
  })
  .openapi(read, async (c) => {
    const record = await ownedRecord(c, c.req.valid('param').id);
    return c.json(await shown(c, await awaitPreferred(c, record)), 200);
  })
  .openapi(images, async (c) => {
    const { id } = c.req.valid('param');
    const { limit, cursor, ready } = c.req.valid('query');
    const first = cursor === undefined ? 0 : decodeImageCursor(cursor);
    const place = { first, limit, ready: ready === '1' };
    return c.json(await imagePageOf(await ownedImages(c, id, place), place, linksOf(c)), 200);
  })
  .openapi(cancel, async (c) => c.json(await halted(c, c.req.valid('param').id, 'cancel'), 200))
  .openapi(pause, async (c) => c.json(await halted(c, c.req.valid('param').id, 'pause'), 200))
  .openapi(resume, async (c) => {
    const { id } = c.req.valid('param');
    const { status } = await ownedRecord(c, id);
    if (status === 'failed') await requireActivePlace(c);
    return c.json(await stillActive(c, id, await jobOf(c.env, id).resume()), 200);
  })
  .openapi(patch, async (c) => {
    const { id } = c.req.valid('param');
    const { spec } = await ownedRecord(c, id);
    refuseLarge(spec, 'not-resumable', 'changes its course: its images would be of several');
    const record = await jobOf(c.env, id).patch(resolvePatch(c.req.valid('json'), spec));
    return c.json(await stillActive(c, id, record), 200);
  });

async function halted(c: Context<AppEnv>, id: string, verb: 'cancel' | 'pause'): Promise<SampleResponse> {
  const record = await (await ownedJob(c, id))[verb]();
  if (record === null) throw unknownSample(id);
  return shown(c, record);
}

/** @throws {Problem} not-resumable for a sample that is over */
function stillActive(c: Context<AppEnv>, id: string, record: JobRecord | null): Promise<SampleResponse> {
  if (record === null) throw unknownSample(id);
  if (record.status !== 'active') {
    const end = record.status === 'canceled' ? 'was canceled' : `has ${record.status}`;
    throw new Problem('not-resumable', `the sample ${end}`);
  }
  return shown(c, record);
}
