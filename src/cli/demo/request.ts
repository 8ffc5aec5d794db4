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

/** Few steps, so that the embedded engine is done within a minute; as a number, spaced as suits the sampler. */
export const DEFAULT_STEPS: Readonly<Record<DemoOptions['sampler'], number>> = { ddpm: 15, ddim: 20 };

export function requestOf(options: DemoOptions): SampleRequest {
  const { model, class: classes, sampler, seed, scale, steps, count } = options;
  return {
    model,
    classes,
    sampler,
    seed,
    steps: steps === undefined ? DEFAULT_STEPS[sampler] : parseSteps(steps),
    count: count ?? classes.length * ROUNDS,
    ...(scale !== undefined && { guidance_scale: scale }),
  };
}

/** A plain number leaves the spacing to Cairn; anything else is the respacing grammar. */
function parseSteps(steps: string): number | string {
  return /^[1-9]\d*$/.test(steps) ? Number(steps) : steps;
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
