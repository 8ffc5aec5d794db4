/** The way back: what a form would have said for a sample that is there already. */
import type { ModelResponse, SampleResponse } from '../../../client/index.ts';
import { type ClassChoice, type Draft, draftFor, entriesOf, type ScaleChoice, scaleFor } from './draft.ts';

/** As it is guided at last: the patches that it was given count. */
export function classChoiceOf({ request, patches }: SampleResponse): ClassChoice {
  const classes = patches.findLast((patch) => patch.classes !== null)?.classes ?? request.classes ?? [];
  const [first] = classes;
  if (classes.length === 1 && typeof first === 'object') {
    const chosen = Object.entries(first).map(([index, weight]) => ({
      index: Number(index),
      weight: String(weight),
    }));
    return { mode: 'blend', chosen };
  }
  const chosen = classes.flatMap((target) =>
    typeof target === 'number' ? [{ index: target, weight: '1' }] : [],
  );
  return { mode: 'turns', chosen };
}

export function scaleChoiceOf({ request, patches }: SampleResponse, model: ModelResponse): ScaleChoice {
  const fallback = scaleFor(model);
  const guidance =
    patches.findLast((patch) => patch.guidance_scale !== null)?.guidance_scale ?? request.guidance_scale;
  if (typeof guidance === 'number') return { ...fallback, scale: String(guidance) };
  switch (guidance.type) {
    case 'interval': {
      const { scale, from, to } = guidance;
      return { ...fallback, kind: 'interval', scale: String(scale), from: String(from), to: String(to) };
    }
    case 'linear':
      return { ...fallback, kind: 'linear', first: String(guidance.from), last: String(guidance.to) };
    case 'list':
      return { ...fallback, kind: 'list', list: guidance.scales.join(', ') };
  }
}

/** For a fork at a step: of a list the scales of the steps that are left. */
export function scaleChoiceFrom(sample: SampleResponse, model: ModelResponse, step: number): ScaleChoice {
  const choice = scaleChoiceOf(sample, model);
  return { ...choice, list: entriesOf(choice.list).slice(step).join(', ') };
}

/** @param compare whether an unguided one stands beside it */
export function draftOf(sample: SampleResponse, model: ModelResponse, compare: boolean): Draft {
  const { request } = sample;
  const made = { ...sample, patches: [] };
  return {
    ...draftFor(model, request.seed),
    classes: classChoiceOf(made),
    scale: scaleChoiceOf(made, model),
    sampler: request.sampler === 'ddim' ? 'ddim' : 'ddpm',
    eta: String(request.eta),
    steps: String(sample.progress.steps),
    count: String(request.count),
    compare,
  };
}
