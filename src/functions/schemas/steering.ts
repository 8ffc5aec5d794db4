/** What a job is steered by, in requests and in answers: classes and the guidance scale over time. */
import { z } from '@hono/zod-openapi';
import {
  MAX_CLASS_WEIGHT,
  MAX_CLASSES,
  MAX_COUNT,
  MAX_COUNTED_CLASSES,
  MAX_GUIDANCE_SCALE,
  MAX_TIMESTEPS,
} from '../limits.ts';

const classLabel = z.union([z.int().min(0), z.string().min(1).max(200)]);

const classWeights = z
  .record(z.string().min(1).max(200), z.number().min(-MAX_CLASS_WEIGHT).max(MAX_CLASS_WEIGHT))
  .refine((weights) => Object.values(weights).some((weight) => weight > 0), {
    error: 'expected at least one class with a weight above 0',
  })
  .openapi('ClassWeights', {
    description:
      'Weights over several classes, by index or name: guidance follows the sum of weight times log-probability. A weight below 0 leads away from its class.',
    example: { 3: 0.7, 8: 0.3 },
  });

export const classTarget = z.union([classLabel, classWeights], {
  error: 'expected a class index (0 or more), a class name, or weights by class such as {"3": 0.7, "8": 0.3}',
});

export const classList = z.array(classTarget).min(1).max(MAX_CLASSES);

const labelCounts = z
  .record(z.string().min(1).max(200), z.int().min(1).max(MAX_COUNT))
  .refine((counts) => Object.keys(counts).length > 0, { error: 'expected at least one class' })
  .refine((counts) => Object.keys(counts).length <= MAX_COUNTED_CLASSES, {
    error: `expected at most ${MAX_COUNTED_CLASSES} classes`,
  });

export const labels = z
  .union([z.literal('random'), labelCounts], {
    error: 'expected "random", or images by class such as {"3": 5000, "8": 5000}',
  })
  .openapi('Labels', {
    description:
      '"random": each image is of a class drawn uniformly from all of the model\'s, from its seed alone (Philox4x32-10 at the counter (0, 0, 0, 1), the first word modulo the number of classes). Or so many images of each class, by index or name: they take turns, one of each class that has images left, those with the most first, so that any beginning of the run is as balanced as it can be.',
    example: { 3: 5000, 8: 5000 },
  });

const scale = z.number().min(0).max(MAX_GUIDANCE_SCALE);
const timestep = z.int().min(0).max(MAX_TIMESTEPS);

const intervalSchedule = z.strictObject({
  type: z.literal('interval'),
  scale,
  from: timestep.openapi({ description: 'Noisiest timestep of the trained process that is guided.' }),
  to: timestep.default(0).openapi({ description: 'Last one that is guided, not above from.' }),
});
const linearSchedule = z.strictObject({
  type: z.literal('linear'),
  from: scale.openapi({ description: 'Scale at the noisiest timestep.' }),
  to: scale.openapi({ description: 'Scale at timestep 0.' }),
});
const listSchedule = z.strictObject({
  type: z.literal('list'),
  scales: z
    .array(scale)
    .min(1)
    .max(MAX_TIMESTEPS)
    .readonly()
    .openapi({ description: 'One for each step, in the order in which they are taken.' }),
});

const schedule = z.discriminatedUnion('type', [intervalSchedule, linearSchedule, listSchedule], {
  error: 'expected a type of "interval", "linear" or "list"',
});

export const guidance = z.union([scale, schedule], { error: guidanceError }).openapi('Guidance', {
  description:
    "Factor of the classifier's gradient: a number for every step (0 samples without guidance), or a schedule over the timesteps.",
  example: 4,
});

/** Of the two forms, the complaint about the one that was meant. */
function guidanceError(issue: { readonly input?: unknown }): string | undefined {
  return typeof issue.input === 'object' && issue.input !== null
    ? undefined
    : `expected a number from 0 to ${MAX_GUIDANCE_SCALE}, or a schedule such as {"type": "interval", "scale": 4, "from": 800, "to": 200}`;
}

/** As answers show it: indices, not names. */
export const resolvedTarget = z.union([z.int(), z.record(z.string(), z.number())]);

export type LabelsRequest = z.infer<typeof labels>;
export type ClassTargetRequest = z.infer<typeof classTarget>;
export type GuidanceRequest = z.infer<typeof guidance>;
