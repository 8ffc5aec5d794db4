/** What the study draws: cells of one setting each, and the figures that share them. */
import type { SamplerName } from '../models/manifest.ts';
import type { StudyModel } from './variants.ts';

/** Digits. */
export const CLASSES = 10;

/** One way to draw images. Image n is of class n mod 10 and drawn from seed n, in every cell. */
export interface Cell {
  readonly model: StudyModel;
  readonly sampler: SamplerName;
  readonly steps: number;
  /** Guidance scale. */
  readonly scale: number;
}

export type FigureName = 'scale' | 'steps' | 'variance' | 'precision';

export interface Figure {
  readonly name: FigureName;
  readonly cells: readonly Cell[];
  /** Images of each cell, of those that the largest figure has. */
  readonly share: number;
}

export const SCALES = [0, 1, 2, 3, 4, 6, 8, 10] as const;
export const STEPS = [10, 25, 50, 100, 250] as const;
/** Steps of the scale's figure, and of the precisions'. */
const FEW_STEPS = 25;
/** Where fixed and learned variances are compared: with many steps they are nearly the same. */
export const VARIANCE_STEPS = [10, 25, 50] as const;
/** The default of mnist-32. */
const SCALE = 4;

const base: Cell = { model: 'mnist-32', sampler: 'ddpm', steps: FEW_STEPS, scale: SCALE };

/** Long walks get fewer images: a cell of 250 steps takes ten times as long as one of 25. */
export const figures: readonly Figure[] = [
  { name: 'scale', share: 1, cells: SCALES.map((scale) => ({ ...base, scale })) },
  {
    name: 'variance',
    share: 0.5,
    cells: VARIANCE_STEPS.flatMap((steps) =>
      (['mnist-32', 'mnist-32-fixed-small', 'mnist-32-fixed-large'] as const).map((model) => ({
        ...base,
        model,
        steps,
      })),
    ),
  },
  {
    name: 'precision',
    share: 0.5,
    cells: (['mnist-32-fp32', 'mnist-32', 'mnist-32-fp16'] as const).map((model) => ({ ...base, model })),
  },
  {
    name: 'steps',
    share: 0.25,
    cells: (['ddpm', 'ddim'] as const).flatMap((sampler) =>
      STEPS.map((steps) => ({ ...base, sampler, steps })),
    ),
  },
];

/** Also the name of its folder. */
export function cellName({ model, sampler, steps, scale }: Cell): string {
  return `${model}_${sampler}-${steps}_scale-${scale}`;
}
