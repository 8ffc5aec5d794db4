/** Steps that a job keeps on the way: the list, and each image of each as a picture or a tensor. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { toNHWC, toUint8 } from '../../core/index.ts';
import { batchObject } from '../../durable/batch-object.ts';
import type { JobRecord } from '../../durable/job/job-record.ts';
import { encodePng } from '../../durable/outputs.ts';
import { batchOf } from '../../durable/spec.ts';
import type { Env } from '../../env.ts';
import { encodeNpy } from '../../files/npy.ts';
import { findModel } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { requireScope, requireScopeOrSignature } from '../auth/authenticate.ts';
import { keptStepsOf } from '../kept-steps.ts';
import type { Links } from '../links.ts';
import { Problem } from '../problem.ts';
import { type TrajectoryResponse, trajectoryResponse } from '../schemas/trajectory.ts';
import { linksOf, ownedJob, ownedRecord, unknownSample } from './owned-job.ts';
import { problem } from './shared.ts';

const id = z.string().openapi({ param: { name: 'id', in: 'path' } });
const binary = z.string().openapi({ format: 'binary' });

const list = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/trajectory',
  summary: 'Steps kept so far',
  middleware: requireScope('samples:read'),
  request: { params: z.object({ id }) },
  responses: {
    200: { description: 'The kept steps', content: { 'application/json': { schema: trajectoryResponse } } },
    404: problem('No such sample'),
  },
});

const one = createRoute({
  method: 'get',
  path: '/v1/samples/{id}/trajectory/{step}/{what}/{image}',
  summary: 'One image of a kept step ({n}.png), or its tensor ({n}.npy, float32 [C, H, W])',
  middleware: requireScopeOrSignature('samples:read'),
  request: {
    params: z.object({
      id,
      step: z
        .string()
        .regex(/^(0|[1-9]\d{0,5})$/)
        .openapi({ param: { name: 'step', in: 'path' } }),
      what: z.enum(['x_t', 'x_start']).openapi({ param: { name: 'what', in: 'path' } }),
      image: z
        .string()
        .regex(/^(0|[1-9]\d{0,5})\.(png|npy)$/)
        .openapi({ param: { name: 'image', in: 'path' } }),
    }),
  },
  responses: {
    200: {
      description: 'The image',
      content: { 'image/png': { schema: binary }, 'application/octet-stream': { schema: binary } },
    },
    404: problem('No such sample, or nothing is kept there'),
  },
});

export const trajectory = new OpenAPIHono<AppEnv>({
  defaultHook: (result) => {
    if (!result.success)
      throw new Problem('not-found', 'expected trajectory/{step}/{x_t or x_start}/{n}.png or .npy');
  },
})
  .openapi(list, async (c) => {
    const record = await ownedRecord(c, c.req.valid('param').id);
    return c.json(await listOf(c.env, record, linksOf(c)), 200);
  })
  .openapi(one, async (c) => {
    const { id: sample, step, what, image: name } = c.req.valid('param');
    const image = Number.parseInt(name, 10);
    const spec = (await (await ownedJob(c, sample)).read())?.spec;
    if (spec === undefined) throw unknownSample(sample);
    const manifest = findModel(spec.model);
    const stub = image < spec.count ? batchObject(c.env, sample, batchOf(spec, image)) : null;
    const tensor = (await stub?.keptTensor(Number(step), what, image)) ?? null;
    if (tensor === null || manifest === null) {
      throw new Problem(
        'not-ready',
        `no ${what} of image ${image} is kept at step ${step}; ${sample}/trajectory lists what is`,
      );
    }
    const { channels, height, width } = manifest.image;
    if (name.endsWith('.npy')) {
      return binaryResponse(encodeNpy(tensor, [channels, height, width]), 'application/octet-stream');
    }
    const data = toNHWC(toUint8(tensor), manifest.image);
    return binaryResponse(encodePng({ width, height, channels, data }), 'image/png');
  });

function binaryResponse(bytes: Uint8Array, type: string): Response {
  // A kept step is written once, and written again only with the same bytes.
  const headers = { 'Content-Type': type, 'Cache-Control': 'private, max-age=31536000, immutable' };
  return new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
}

/** Links that one answer signs: the others need a key. A signature costs time, and a list may have many. */
const MAX_SIGNED = 4_096;

async function listOf(env: Env, { spec, expiresAt }: JobRecord, links: Links): Promise<TrajectoryResponse> {
  const steps = await keptStepsOf(env, spec);
  let signed = 0;
  const linkTo = (path: string) => (signed++ < MAX_SIGNED ? links.signed(path, expiresAt) : links.to(path));
  const urlsOf = async (step: number, what: 'x_t' | 'x_start', has: (image: number) => boolean) => {
    const place = `/v1/samples/${spec.id}/trajectory/${step}/${what}`;
    const urls = await Promise.all(
      Array.from({ length: spec.count }, (_, image) => (has(image) ? linkTo(`${place}/${image}.png`) : null)),
    );
    return urls.some((url) => url !== null) ? urls : null;
  };
  return {
    steps: await Promise.all(
      steps.map(async ({ step, timestep, batches }) => {
        const at = (image: number) => batches[Math.floor(image / spec.batchSize)] ?? null;
        return {
          step,
          timestep,
          complete: batches.every((kept) => kept !== null),
          x_t: await urlsOf(step, 'x_t', (image) => at(image)?.xT === true),
          x_start: await urlsOf(step, 'x_start', (image) => at(image)?.xStart === true),
        };
      }),
    ),
  };
}
