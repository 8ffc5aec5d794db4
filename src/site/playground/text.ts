/** Words of the page that depend on what there is to say. */
import { CairnError } from '../../client/error.ts';
import type { ModelResponse, SampleResponse, SampleStatus } from '../../client/index.ts';

type Target = NonNullable<SampleResponse['request']['classes']>[number];
type Guidance = SampleResponse['request']['guidance_scale'];

export const STATUS_TEXT: Readonly<Record<SampleStatus, string>> = {
  queued: 'Waiting',
  running: 'Drawing',
  retrying: 'Trying again',
  paused: 'Paused',
  succeeded: 'Done',
  failed: 'Failed',
  canceled: 'Canceled',
};

export function problemText(error: unknown): string {
  if (error instanceof CairnError) return error.message;
  return 'Cairn does not answer. Is it still running?';
}

/** "3", or "0.7 x 3 + 0.3 x 8". */
export function targetText(target: Target, model: ModelResponse | undefined): string {
  if (typeof target === 'number') return classText(target, model);
  return Object.entries(target)
    .map(([index, weight]) => `${weight} × ${classText(Number(index), model)}`)
    .join(' + ');
}

export function classText(index: number, model: ModelResponse | undefined): string {
  return model?.classes[index] ?? `class ${index}`;
}

export function classesText(
  classes: SampleResponse['request']['classes'],
  model: ModelResponse | undefined,
): string {
  if (classes === null) return 'no class';
  const texts = classes.map((target) => targetText(target, model));
  const shown = texts.slice(0, 10).join(', ');
  return `${texts.length === 1 ? 'class' : 'classes'} ${shown}${texts.length > 10 ? ', …' : ''}`;
}

export function guidanceText(guidance: Guidance): string {
  if (guidance === 0) return 'unguided';
  if (typeof guidance === 'number') return `scale ${guidance}`;
  switch (guidance.type) {
    case 'interval':
      return `scale ${guidance.scale} from timestep ${guidance.from} to ${guidance.to}`;
    case 'linear':
      return `scale ${guidance.from} to ${guidance.to}`;
    case 'list':
      return `scales ${Math.min(...guidance.scales)} to ${Math.max(...guidance.scales)}, step by step`;
  }
}

/** "12 s left", "3 min left". */
export function timeLeftText(seconds: number): string {
  if (seconds < 1) return 'under a second left';
  if (seconds < 90) return `${Math.round(seconds)} s left`;
  return `${Math.round(seconds / 60)} min left`;
}

/** Letters by which the page names what it shows side by side: A, B, ..., Z, A2. */
export function letterOf(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : `${letter}${Math.floor(index / 26) + 1}`;
}
