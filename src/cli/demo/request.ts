/** From the demo's flags to a request, and from the API's complaint back to the flag that caused it. */
import type { ProblemBody, SampleRequest } from '../../client/index.ts';

export interface DemoOptions {
  readonly model: string;
  readonly class: (number | string)[];
  readonly sampler: 'ddpm' | 'ddim';
  readonly seed: number;
  readonly out: string;
  readonly scale?: number;
  readonly steps?: string;
  readonly count?: number;
}

/** Images of each class when no count is given. */
export const ROUNDS = 3;

/**
 * Few steps, so that the embedded engine is done in half a minute. With its large first step a guided DDIM needs the
 * stride of `ddimN`, which does not begin at the very last timestep.
 */
export const DEFAULT_STEPS: Readonly<Record<DemoOptions['sampler'], string>> = {
  ddpm: '15',
  ddim: 'ddim20',
};

export function requestOf(options: DemoOptions): SampleRequest {
  const { model, class: classes, sampler, seed, scale, steps, count } = options;
  return {
    model,
    classes,
    sampler,
    seed,
    steps: steps ?? DEFAULT_STEPS[sampler],
    count: count ?? classes.length * ROUNDS,
    ...(scale !== undefined && { guidance_scale: scale }),
  };
}

const FLAGS: Readonly<Record<string, string>> = {
  model: '--model',
  classes: '--class',
  class: '--class',
  guidance_scale: '--scale',
  steps: '--steps',
  sampler: '--sampler',
  seed: '--seed',
  count: '--count',
};

/** One line that names flags instead of the fields of the request. */
export function explainProblem(problem: ProblemBody): string {
  if (problem.errors === undefined) return problem.detail;
  return problem.errors.map(({ pointer, detail }) => `${flagOf(pointer)}: ${detail}`).join('; ');
}

function flagOf(pointer: string): string {
  return FLAGS[pointer.split('/')[1] ?? ''] ?? pointer;
}
