/** What a finished sample gives: pictures out of the bucket, and arrays that are made while they are sent. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ImageShape } from '../../core/index.ts';
import type { JobRecord } from '../../durable/job/job-store.ts';
import { gridKey, imageKey } from '../../durable/outputs.ts';
import { findModel } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { requireScopeOrSignature } from '../auth/authenticate.ts';
import { imagesNpz, tensorsNpy } from '../downloads/arrays.ts';
import { sendDownload } from '../downloads/download.ts';
import { storedFile } from '../downloads/stored.ts';
import { validationHook } from '../openapi-hook.ts';
import { Problem } from '../problem.ts';
import { jobOf, ownedJob, ownedRecord } from './owned-job.ts';
import { problem } from './shared.ts';

const id = z.string().openapi({ param: { name: 'id', in: 'path' } });
const image = (suffix: string) =>
  z
    .string()
    .regex(new RegExp(`^(0|[1-9]\\d{0,5})\\.${suffix}$`))
    .openapi({ param: { name: 'image', in: 'path' } });
const binary = z.string().openapi({ format: 'binary' });

const query = z.object({
  download: z
    .enum(['0', '1'])
    .optional()
    .openapi({ description: '1: a browser saves the file instead of showing it.' }),
  expires: z.string().optional().openapi({ description: 'Of a signed URL: seconds since 1970.' }),
  signature: z.string().optional().openapi({
    description: 'Opens this path without a key until it expires; the links in answers have it.',
  }),
});

/** A GET whose answer is a file: whole, in part (Range), or not at all (If-None-Match). */
function fileRoute<P extends string, S extends z.ZodObject>(
  path: P,
  summary: string,
  params: S,
  types: readonly string[],
) {
  const content = Object.fromEntries(types.map((type) => [type, { schema: binary }]));
  return createRoute({
    method: 'get',
    path,
    summary,
    middleware: requireScopeOrSignature('samples:read'),
    request: { params, query },
    responses: {
      200: { description: 'The file', content },
      206: { description: 'The part of it that Range asks for', content },
      304: { description: 'What If-None-Match or If-Modified-Since names is still the same' },
      403: problem('The signature of the URL does not fit, or has expired'),
      404: problem('No such sample or file, or not there yet; detail says which'),
      412: problem('What If-Match or If-Unmodified-Since names is not what is here'),
      416: problem('The range lies outside'),
    },
  });
}

const imageFile = fileRoute(
  '/v1/samples/{id}/images/{image}',
  'One image ({n}.png), or its final tensor ({n}.npy) if the job keeps its state',
  z.object({ id, image: z.union([image('png'), image('npy')]) }),
  ['image/png', 'application/octet-stream'],
);
const gridPng = fileRoute('/v1/samples/{id}/grid.png', 'Every image on one sheet', z.object({ id }), [
  'image/png',
]);
const samplesNpz = fileRoute(
  '/v1/samples/{id}/samples.npz',
  "Every image as the reference's scripts write them: arr_0 uint8 [N, H, W, C], arr_1 int64 labels",
  z.object({ id }),
  ['application/zip'],
);
const latentsNpy = fileRoute(
  '/v1/samples/{id}/latents.npy',
  'Every final tensor, float32 [N, C, H, W], if the job keeps its state',
  z.object({ id }),
  ['application/octet-stream'],
);

export const outputs = new OpenAPIHono<AppEnv>({
  defaultHook: (result) => {
    if (!result.success && result.target === 'param') {
      throw new Problem('not-found', 'expected images/{n}.png or images/{n}.npy');
    }
    validationHook(result);
  },
})
  .openapi(imageFile, async (c) => {
    const { id: sample, image: name } = c.req.valid('param');
    const index = Number.parseInt(name, 10);
    if (name.endsWith('.npy')) return finalTensors(c, sample, index);
    return stored(c, sample, imageKey(sample, index), `image ${index}`, `${sample}-${index}.png`);
  })
  .openapi(gridPng, (c) => {
    const { id: sample } = c.req.valid('param');
    return stored(c, sample, gridKey(sample), 'the grid', `${sample}.png`);
  })
  .openapi(samplesNpz, async (c) => {
    const record = await ownedRecord(c, c.req.valid('param').id);
    const shape = shapeOf(record);
    if (record.status !== 'succeeded' || shape === null) throw notThere(record, 'samples.npz');
    return sendDownload(c, await imagesNpz(c.env.OUTPUTS, record, shape));
  })
  .openapi(latentsNpy, (c) => finalTensors(c, c.req.valid('param').id, null));

async function stored(
  c: Context<AppEnv>,
  sample: string,
  key: string,
  what: string,
  filename: string,
): Promise<Response> {
  const job = await ownedJob(c, sample);
  const file = await storedFile(c.env.OUTPUTS, key, c.req.raw, filename);
  if (file === null) throw notThere(await job.read(), what);
  return sendDownload(c, file);
}

/** @param index of one image; null for all */
async function finalTensors(c: Context<AppEnv>, sample: string, index: number | null): Promise<Response> {
  const record = await ownedRecord(c, sample);
  const shape = shapeOf(record);
  const what = index === null ? 'latents.npy' : `the final tensor of image ${index}`;
  const job = jobOf(c.env, sample);
  // One image may be there before the others: its batch has ended, the job has not.
  const there = index === null ? record.status === 'succeeded' : (await job.finalTensor(index)) !== null;
  if (!record.spec.keepState && record.status === 'succeeded') {
    throw new Problem('not-ready', `${what} was not kept: the sample was made without keep_state`);
  }
  if (!there || shape === null) throw notThere(record, what);
  return sendDownload(c, await tensorsNpy(record, shape, (image) => job.finalTensor(image), index));
}

function shapeOf({ spec }: JobRecord): ImageShape | null {
  return findModel(spec.model)?.image ?? null;
}

function notThere(record: JobRecord | null, what: string): Problem {
  const state = record === null ? 'gone' : record.status;
  const count = record?.spec.count ?? 0;
  return new Problem('not-ready', `${what} is not there: the sample is ${state} and has ${count} images`);
}
