/** The product's job object, whose batches may be stood in for by ones that end as soon as they are told to begin. */
import type { BatchReport } from '../../durable/batch/report.ts';
import { pixelsKey } from '../../durable/outputs.ts';
import { type BatchSpec, LISTED_IMAGES, type SampleSpec } from '../../durable/spec.ts';
import type { Env } from '../../env.ts';
import { SampleJob } from '../../functions/events/sample-job.ts';
import { findModel } from '../../models/registry.ts';
import { MODEL, oneBatch } from '../sample-spec.ts';
import type { Duration, RunInput } from './operations.ts';

const STEPS = 25;
const DIGEST = '0'.repeat(64);
/** A run that takes longer is lost, ms. */
const TIMEOUT_MS = 600_000;

export class MeasuredJob extends SampleJob {
  /** Set while the job is a simulation. */
  readonly #simulation: { on: boolean };

  constructor(ctx: DurableObjectState, env: Env) {
    const simulation = { on: false };
    const told = (spec: BatchSpec) => this.#finishSoon(spec);
    const namespace = {
      idFromName: (name: string) => env.BATCHES.idFromName(name),
      get: (id: DurableObjectId) => (simulation.on ? instantBatch(told) : env.BATCHES.get(id)),
    };
    super(ctx, { ...env, BATCHES: namespace as unknown as Env['BATCHES'] });
    this.#simulation = simulation;
  }

  /**
   * From the job's begin to its end, by the batch: all that is the job's own, and nothing of batches or backends.
   *
   * @param id the object's name
   */
  async run(id: string, { account, batches }: RunInput): Promise<Duration> {
    this.#simulation.on = true;
    const { job } = oneBatch(findModel(MODEL)!, 10, STEPS);
    const spec: SampleSpec = {
      ...{ ...job, id, account, count: batches * job.batchSize },
      classes: { type: 'random', classes: 10 },
    };
    const startedAt = Date.now();
    await this.create(spec, startedAt);
    for (;;) {
      const record = await this.whenOver(60_000);
      if (record?.status === 'succeeded') {
        const ms = (record.finishedAt! - startedAt) / batches;
        await this.remove();
        return { ms };
      }
      if (Date.now() - startedAt > TIMEOUT_MS) throw new Error(`the run is ${record?.status}`);
    }
  }

  #finishSoon(spec: BatchSpec): void {
    const write = spec.first < LISTED_IMAGES ? this.#writePixels(spec) : Promise.resolve();
    this.ctx.waitUntil(
      write
        .then(() => scheduler.wait(0))
        .then(() => this.batchReport(spec.index, reportOf(spec, 'succeeded')))
        .then(() => {}),
    );
  }

  async #writePixels({ job, index, size }: BatchSpec): Promise<void> {
    const { channels, height, width } = findModel(MODEL)!.image;
    await this.env.OUTPUTS.put(pixelsKey(job.id, index), new Uint8Array(size * channels * height * width));
  }
}

function instantBatch(told: (spec: BatchSpec) => void) {
  return {
    async start(spec: BatchSpec): Promise<BatchReport> {
      told(spec);
      return reportOf(spec, 'running');
    },
    async erase(): Promise<void> {},
  };
}

/** As large as those of real batches. */
function reportOf({ size }: BatchSpec, status: 'running' | 'succeeded'): BatchReport {
  const over = status === 'succeeded';
  const now = Date.now();
  return {
    ...{ status, life: 1, paused: false, patches: [], retry: null, failure: null },
    ...{ step: over ? STEPS : 0, startedAt: now, finishedAt: over ? now : null, stepMs: over ? 20 : null },
    receipt: over
      ? {
          ...{ steps: STEPS, unguided: 0, answered: STEPS, failed: 0, lost: 0 },
          ...{ sent: 1e6, received: 3e6, backends: { instant: STEPS } },
          stepMs: Array.from({ length: STEPS }, (_, i) => 15 + i),
          ...{ digests: Array(size).fill(DIGEST), pixelsCrc32: 0 },
        }
      : null,
  };
}
