/** What is chosen in a form, and the request that it makes. Numbers stay as typed: what is wrong with one, the API says. */
import type { ModelResponse, SampleRequest } from '../../../client/index.ts';

/** One class that is chosen. */
export interface ChosenClass {
  /** Index among the model's classes. */
  readonly index: number;
  /** As typed; counts when classes are blended. */
  readonly weight: string;
}

/** turns: image n is of the n-th class. blend: every image follows all of them by their weights. */
export type ClassMode = 'turns' | 'blend';

export interface ClassChoice {
  readonly mode: ClassMode;
  readonly chosen: readonly ChosenClass[];
}

export type ScaleKind = 'constant' | 'interval' | 'linear' | 'list';

export interface ScaleChoice {
  readonly kind: ScaleKind;
  /** constant and interval. */
  readonly scale: string;
  /** interval: timesteps of the trained process, the noisiest first. */
  readonly from: string;
  readonly to: string;
  /** linear: scales at the noisiest timestep and at timestep 0. */
  readonly first: string;
  readonly last: string;
  /** list: one scale for each step, as typed. */
  readonly list: string;
}

export interface Draft {
  readonly model: string;
  readonly classes: ClassChoice;
  readonly scale: ScaleChoice;
  readonly sampler: 'ddpm' | 'ddim';
  readonly eta: string;
  readonly steps: string;
  readonly seed: string;
  readonly count: string;
  /** Draw the same seeds without guidance too. */
  readonly compare: boolean;
}

/** A first draft: one class, so that guidance shows against the unguided samples beside it. */
export function draftFor(model: ModelResponse, seed: number): Draft {
  const { defaults } = model;
  const first = Math.max(0, Math.min(8, model.classes.length - 1));
  return {
    model: model.id,
    classes: { mode: 'turns', chosen: model.classes.length === 0 ? [] : [{ index: first, weight: '1' }] },
    scale: scaleFor(model),
    sampler: defaults.sampler === 'ddim' ? 'ddim' : 'ddpm',
    eta: String(defaults.eta),
    steps: /^\d+$/.test(defaults.steps) ? defaults.steps : '50',
    seed: String(seed),
    count: String(Math.min(9, model.max_batch_size)),
    compare: model.guided,
  };
}

export function scaleFor(model: ModelResponse): ScaleChoice {
  const scale = String(model.guided ? model.defaults.guidance_scale : 0);
  const steps = model.diffusion_steps;
  return {
    kind: 'constant',
    scale,
    from: String(Math.round(steps * 0.8)),
    to: String(Math.round(steps * 0.2)),
    first: '0',
    last: scale,
    list: '',
  };
}

/** The entries of a list as typed: with commas, spaces or lines between. */
export function entriesOf(list: string): string[] {
  return list.split(/[\s,;]+/).filter((entry) => entry !== '');
}

/**
 * The choice as a list of as many scales, so that what was seen as a curve can be changed step by step.
 *
 * @param steps as typed
 * @param timesteps of the trained process
 */
export function asList(choice: ScaleChoice, steps: string, timesteps: number): ScaleChoice {
  const count = Math.min(Math.max(1, Math.round(numberOf(steps) || 1)), timesteps);
  const scales = Array.from({ length: count }, (_, step) => {
    const noise = count === 1 ? 1 : 1 - step / (count - 1);
    return Math.round(scaleAt(choice, noise * (timesteps - 1), timesteps) * 100) / 100;
  });
  return { ...choice, kind: 'list', list: scales.join(', ') };
}

/** Steps between two that are kept, so that a timeline has about 25 of them. */
export function keepEvery(steps: number): number {
  return Math.max(1, Math.ceil(steps / 25));
}

/** @returns as `POST /v1/samples` takes it; a field left empty is left to the API */
export function requestOf(draft: Draft): SampleRequest {
  const steps = numberOf(draft.steps);
  return {
    model: draft.model,
    ...classFields(draft.classes),
    guidance_scale: guidanceOf(draft.scale),
    sampler: draft.sampler,
    ...(draft.sampler === 'ddim' && { eta: numberOf(draft.eta) }),
    steps,
    seed: numberOf(draft.seed),
    count: numberOf(draft.count),
    keep_trajectory: { every: keepEvery(steps ?? 50), what: 'both' },
    preview_every: 1,
  } as SampleRequest;
}

/** The same noise without guidance: what the model draws when nobody tells it what. */
export function unguided(request: SampleRequest): SampleRequest {
  return { ...request, guidance_scale: 0 };
}

/** The fields that say which class: `class` for one for all, `classes` in turns. */
export function classFields({ mode, chosen }: ClassChoice): Pick<SampleRequest, 'class' | 'classes'> {
  const [first] = chosen;
  if (first === undefined) return {};
  if (chosen.length === 1) return { class: first.index };
  if (mode === 'turns') return { classes: chosen.map(({ index }) => index) };
  const weights = chosen.map(({ index, weight }) => [index, numberOf(weight) ?? 1] as const);
  return { class: Object.fromEntries(weights) };
}

export function guidanceOf(choice: ScaleChoice): SampleRequest['guidance_scale'] {
  switch (choice.kind) {
    case 'constant':
      return numberOf(choice.scale);
    case 'interval': {
      const { scale, from, to } = choice;
      return {
        type: 'interval',
        scale: numberOf(scale) ?? 0,
        from: numberOf(from) ?? 0,
        to: numberOf(to) ?? 0,
      };
    }
    case 'linear':
      return { type: 'linear', from: numberOf(choice.first) ?? 0, to: numberOf(choice.last) ?? 0 };
    case 'list': {
      // What is no number goes as it was typed, so that the complaint names it.
      const scales = entriesOf(choice.list).map((entry) =>
        Number.isNaN(Number(entry)) ? entry : Number(entry),
      );
      return { type: 'list', scales: scales as number[] };
    }
  }
}

/** The scale at a timestep, for drawing: what a schedule means. */
export function scaleAt(choice: ScaleChoice, timestep: number, timesteps: number): number {
  const number = (text: string) => numberOf(text) ?? 0;
  switch (choice.kind) {
    case 'constant':
      return number(choice.scale);
    case 'interval':
      return timestep <= number(choice.from) && timestep >= number(choice.to) ? number(choice.scale) : 0;
    case 'linear':
      return (
        number(choice.last) + ((number(choice.first) - number(choice.last)) * timestep) / (timesteps - 1)
      );
    case 'list': {
      const scales = entriesOf(choice.list);
      const noise = timesteps > 1 ? timestep / (timesteps - 1) : 0;
      const place = (1 - noise) * (scales.length - 1);
      const [before, after] = [Math.floor(place), Math.ceil(place)].map((at) => number(scales[at] ?? ''));
      return before! + (after! - before!) * (place - Math.floor(place));
    }
  }
}

/** undefined for an empty field; what is no number goes as it is, for the API to complain about. */
function numberOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return Number(trimmed);
}
