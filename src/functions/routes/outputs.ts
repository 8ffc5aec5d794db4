/** What a finished sample gives: pictures out of the bucket, and arrays that are made while they are sent. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ImageShape } from '../../core/index.ts';
import type { JobRecord } from '../../durable/job/job-record.ts';
import { animationKey, gridKey, imageKey } from '../../durable/outputs.ts';
import { isLarge, type SampleSpec } from '../../durable/spec.ts';
import { findModel } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { requireScopeOrSignature } from '../auth/authenticate.ts';
import { animate, animationFault, type Shown, usualTensor } from '../downloads/animation.ts';
import { imagesNpz, tensorsNpy } from '../downloads/arrays.ts';
import { type Download, sendDownload } from '../downloads/download.ts';
import { putPieces } from '../downloads/made-once.ts';
import { runImage, runNpz } from '../downloads/run-arrays.ts';
import { storedFile } from '../downloads/stored.ts';
import { validationHook } from '../openapi-hook.ts';
import { Problem } from '../problem.ts';
import { jobOf, ownedJob, ownedRecord, ownedSpec, unknownSample } from './owned-job.ts';
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
function fileRoute<P extends string, S extends z.ZodObject, Q extends z.ZodObject = typeof query>(
  path: P,
  summary: string,
  params: S,
  types: readonly string[],
  fields: Q = query as unknown as Q,
) {
  const content = Object.fromEntries(types.map((type) => [type, { schema: binary }]));
  return createRoute({
    method: 'get',
    path,
    summary,
    middleware: requireScopeOrSignature('samples:read'),
    request: { params, query: fields },
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
const gridPng = fileRoute(
  '/v1/samples/{id}/grid.png',
  'The images on one sheet, the first 256 of them',
  z.object({ id }),
  ['image/png'],
);
const samplesNpz = fileRoute(
  '/v1/samples/{id}/samples.npz',
  "Every image as the reference's scripts write them: arr_0 uint8 [N, H, W, C], arr_1 int64 labels",
  z.object({ id }),
  ['application/zip'],
  query.extend({
    ready: z.enum(['0', '1']).optional().openapi({
      description:
        '1: the images that are written by now, whatever the status, with indices int64 [N] that say which.',
    }),
  }),
);
const latentsNpy = fileRoute(
  '/v1/samples/{id}/latents.npy',
  'Every final tensor, float32 [N, C, H, W], if the job keeps its state',
  z.object({ id }),
  ['application/octet-stream'],
);
const animationPng = fileRoute(
  '/v1/samples/{id}/animation.png',
  'From noise to picture: the kept steps as an animated PNG, over and over, resting at the end',
  z.object({ id }),
  ['image/apng'],
  query.extend({
    image: z
      .string()
      .regex(/^(0|[1-9]\d{0,5})$/, 'expected the index of an image, counted from 0')
      .optional()
      .openapi({ description: 'One image at its own size; without it all of them on one sheet.' }),
    what: z.enum(['x_t', 'x_start']).optional().openapi({
      description:
        'x_start: what each step predicted, the default if it is kept. x_t: the picture under its noise.',
    }),
  }),
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
    return oneImage(c, sample, index);
  })
  .openapi(gridPng, (c) => {
    const { id: sample } = c.req.valid('param');
    return stored(c, sample, gridKey(sample), 'the grid', `${sample}.png`);
  })
  .openapi(samplesNpz, async (c) => {
    const record = await ownedRecord(c, c.req.valid('param').id);
    const shape = shapeOf(record.spec);
    const ready = c.req.valid('query').ready === '1';
    if (shape === null || (!ready && record.status !== 'succeeded')) throw notThere(record, 'samples.npz');
    return sendDownload(c, await arraysOf(c, record, shape, ready));
  })
  .openapi(animationPng, async (c) => {
    const { image, what } = c.req.valid('query');
    const record = await ownedRecord(c, c.req.valid('param').id);
    const shown = {
      image: image === undefined ? null : Number(image),
      what: what ?? usualTensor(record.spec),
    };
    return sendDownload(c, await animation(c, record, shown));
  })
  .openapi(latentsNpy, (c) => finalTensors(c, c.req.valid('param').id, null));

/** @param ready only what is written by now */
async function arraysOf(
  c: Context<AppEnv>,
  record: JobRecord,
  shape: ImageShape,
  ready: boolean,
): Promise<Download> {
  const { spec } = record;
  if (isLarge(spec)) {
    const written = await jobOf(c.env, spec.id).writtenBatches();
    if (written === null) throw unknownSample(spec.id);
    return runNpz(c.env.OUTPUTS, record, shape, written, ready);
  }
  return imagesNpz(c.env.OUTPUTS, record, shape, ready);
}

async function oneImage(c: Context<AppEnv>, sample: string, index: number): Promise<Response> {
  const spec = await ownedSpec(c, sample);
  const shape = shapeOf(spec);
  const name = `${sample}-${index}.png`;
  if (!isLarge(spec)) return stored(c, sample, imageKey(sample, index), `image ${index}`, name);
  const file = shape === null ? null : await runImage(c.env.OUTPUTS, spec, shape, index);
  if (file === null) throw notThere(await jobOf(c.env, sample).read(), `image ${index}`);
  return sendDownload(c, file);
}

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

/** Made when it is first asked for, by one request: whoever asks meanwhile or later gets it from the bucket. */
async function animation(c: Context<AppEnv>, record: JobRecord, shown: Shown): Promise<Download> {
  const { OUTPUTS } = c.env;
  const { id: sample } = record.spec;
  const shape = shapeOf(record.spec);
  if (record.status !== 'succeeded' || shape === null) throw notThere(record, 'animation.png');
  const fault = animationFault(record, shown);
  if (fault !== null) throw new Problem('not-ready', `there is no such animation: ${fault}`);
  const key = animationKey(sample, shown.what, shown.image);
  const filename =
    shown.image === null ? `${sample}-animation.png` : `${sample}-${shown.image}-animation.png`;
  const look = () => storedFile(OUTPUTS, key, c.req.raw, filename);
  const there = await look();
  if (there !== null) return there;
  const job = jobOf(c.env, sample);
  const turn = await job.makersTurn(key);
  try {
    const meanwhile = await look();
    if (meanwhile !== null) return meanwhile;
    await putPieces(OUTPUTS, key, animate(c.env, record, shape, shown), 'image/apng');
  } finally {
    turn[Symbol.dispose]();
  }
  // A removal that began meanwhile may have emptied the bucket before this was there.
  if ((await job.owner()) === null) {
    await OUTPUTS.delete(key);
    throw unknownSample(sample);
  }
  const made = await look();
  if (made === null) throw unknownSample(sample);
  return made;
}

/** @param index of one image; null for all */
async function finalTensors(c: Context<AppEnv>, sample: string, index: number | null): Promise<Response> {
  const record = await ownedRecord(c, sample);
  const shape = shapeOf(record.spec);
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

function shapeOf(spec: SampleSpec): ImageShape | null {
  return findModel(spec.model)?.image ?? null;
}

function notThere(record: JobRecord | null, what: string): Problem {
  const state = record === null ? 'gone' : record.status;
  const count = record?.spec.count ?? 0;
  return new Problem('not-ready', `${what} is not there: the sample is ${state} and has ${count} images`);
}
