/** Finished pictures, out of the bucket, and the tensors of jobs that keep theirs. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { gridKey, imageKey } from '../../durable/outputs.ts';
import type { Env } from '../../env.ts';
import { findModel } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { requireScopeOrSignature } from '../auth/authenticate.ts';
import { encodeNpy } from '../npy.ts';
import { Problem } from '../problem.ts';
import { ownedJob } from './owned-job.ts';
import { problem } from './shared.ts';

const id = z.string().openapi({ param: { name: 'id', in: 'path' } });
const image = (suffix: string) =>
  z
    .string()
    .regex(new RegExp(`^(0|[1-9]\\d{0,5})\\.${suffix}$`))
    .openapi({ param: { name: 'image', in: 'path' } });
const binary = z.string().openapi({ format: 'binary' });

const imagePng = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/images/{image}',
  summary: 'One image ({n}.png), or its final tensor ({n}.npy) if the job keeps its state',
  middleware: requireScopeOrSignature('samples:read'),
  request: { params: z.object({ id, image: z.union([image('png'), image('npy')]) }) },
  responses: {
    200: {
      description: 'The image',
      content: { 'image/png': { schema: binary }, 'application/octet-stream': { schema: binary } },
    },
    404: problem('No such sample or image, or not finished yet'),
  },
});

const gridPng = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/grid.png',
  summary: 'Every image on one sheet',
  middleware: requireScopeOrSignature('samples:read'),
  request: { params: z.object({ id }) },
  responses: {
    200: { description: 'The sheet', content: { 'image/png': { schema: binary } } },
    404: problem('No such sample, or not finished yet'),
  },
});

export const outputs = new OpenAPIHono<AppEnv>({
  defaultHook: (result) => {
    if (!result.success) throw new Problem('not-found', 'expected images/{n}.png or images/{n}.npy');
  },
})
  .openapi(imagePng, async (c) => {
    const { id: sample, image: name } = c.req.valid('param');
    const index = Number.parseInt(name, 10);
    const job = await ownedJob(c, sample);
    if (name.endsWith('.npy')) return finalTensor(job, sample, index);
    return stored(c.env, job, imageKey(sample, index), `image ${index}`);
  })
  .openapi(gridPng, async (c) => {
    const { id: sample } = c.req.valid('param');
    return stored(c.env, await ownedJob(c, sample), gridKey(sample), 'the grid');
  });

type Job = Awaited<ReturnType<typeof ownedJob>>;

async function stored(env: Env, job: Job, key: string, what: string): Promise<Response> {
  const object = await env.OUTPUTS.get(key);
  if (object === null) throw await notThere(job, what);
  return new Response(object.body, {
    headers: {
      'Content-Type': 'image/png',
      'Content-Length': String(object.size),
      ETag: object.httpEtag,
      // The bytes behind a finished picture never change.
      'Cache-Control': 'private, max-age=31536000, immutable',
    },
  });
}

async function finalTensor(job: Job, sample: string, index: number): Promise<Response> {
  const record = await job.read();
  const shape = record === null ? undefined : findModel(record.spec.model)?.image;
  const tensor = shape === undefined ? null : await job.finalTensor(index);
  if (shape === undefined || tensor === null) {
    throw await notThere(job, `the final tensor of image ${index} of ${sample}`);
  }
  return new Response(encodeNpy(tensor, [shape.channels, shape.height, shape.width]), {
    headers: { 'Content-Type': 'application/octet-stream' },
  });
}

async function notThere(job: Job, what: string): Promise<Problem> {
  const record = await job.read();
  const state = record === null ? 'gone' : record.status;
  const count = record?.spec.count ?? 0;
  return new Problem('not-ready', `${what} is not there: the sample is ${state} and has ${count} images`);
}
