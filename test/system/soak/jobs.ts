/** The jobs of a soak: what is asked for, what happens to them, and how they must end. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CairnClient,
  isFinished,
  type SampleRequest,
  type SampleResponse,
} from '../../../src/client/index.ts';
import { type Pictures, picturesOf } from '../outputs.ts';
import type { Random } from '../random.ts';

const model = 'mnist-32';

/** Guided and not, both samplers, one image to two batches; a seed names a picture, so each can be asked for often. */
export const TEMPLATES: readonly SampleRequest[] = [
  { model, classes: [3], seed: 41, steps: 20 },
  { model, classes: [8, 1], seed: 42, steps: 12, sampler: 'ddim' },
  { model, classes: [0, 5, 9], seed: 43, steps: 10 },
  { model, classes: [7], seed: 44, steps: 25, sampler: 'ddim', eta: 1 },
  { model, count: 2, seed: 45, steps: 20, guidance_scale: 0 },
  { model, classes: [2, 6], seed: 46, steps: 'ddim15', sampler: 'ddim' },
  { model, classes: [4], count: 12, seed: 47, steps: 4 },
];

const FATES = ['finish', 'finish', 'finish', 'finish', 'pause', 'pause', 'cancel'] as const;
export type Fate = (typeof FATES)[number];

export interface JobOutcome {
  readonly reproducibility: 'exact' | 'fast';
  readonly fate: Fate;
  readonly status: SampleResponse['status'] | 'lost';
  /** Whether its pictures are those of the undisturbed run; null if it has none. */
  readonly same: boolean | null;
  /** What is wrong, in a line; null for a job that ended as it should. */
  readonly problem: string | null;
}

/** How long a job may take once nothing is broken any more. */
const LONGEST_MS = 240_000;

/** Asks for one job, lets its fate happen, and waits for its end. Never throws: what goes wrong is the outcome. */
export async function runJob(
  client: CairnClient,
  api: (path: string) => Promise<unknown>,
  random: Random,
  undisturbed: readonly Pictures[],
): Promise<JobOutcome> {
  const template = Math.floor(random.between(0, TEMPLATES.length));
  const fate = FATES[Math.floor(random.between(0, FATES.length))]!;
  const reproducibility = random.between(0, 1) < 0.6 ? 'exact' : 'fast';
  const patience = random.between(100, 1_500);
  let id = 'a job that was never accepted';
  try {
    ({ id } = await client.createSample({ ...TEMPLATES[template]!, reproducibility }));
    if (fate !== 'finish') await sleep(patience);
    if (fate === 'cancel') await client.cancelSample(id);
    if (fate === 'pause' && !isFinished((await api(`${id}/pause`)) as SampleResponse)) {
      await sleep(patience);
      await api(`${id}/resume`);
    }
    const { status, error } = await client.waitForSample(id, {
      interval: 300,
      signal: AbortSignal.timeout(LONGEST_MS),
    });
    if (status === 'canceled' && fate === 'cancel') {
      return { reproducibility, fate, status, same: null, problem: null };
    }
    if (status !== 'succeeded') {
      return { reproducibility, fate, status, same: null, problem: `${id} ${status}: ${error?.message}` };
    }
    const [pictures] = await picturesOf(client, [id]);
    const same = JSON.stringify(pictures) === JSON.stringify(undisturbed[template]);
    const whole = pictures!.length === undisturbed[template]!.length;
    const wrong = !whole || (reproducibility === 'exact' && !same);
    return { reproducibility, fate, status, same, problem: wrong ? `${id} has other pictures` : null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { reproducibility, fate, status: 'lost', same: null, problem: `${id}: ${reason}` };
  }
}
