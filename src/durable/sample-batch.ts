/**
 * One batch of a job: the object that walks its timesteps and can't lose them.
 *
 * The shell holds the platform's handlers; what a step is lives in batch/trajectory.ts, the loop in batch/step-loop.ts.
 */
import { DurableObject } from 'cloudflare:workers';
import type { SamplerState } from '../core/index.ts';
import type { Env } from '../env.ts';
import { BackendError, createBackend } from '../inference/index.ts';
import { type ModelManifest, modelDigest } from '../models/manifest.ts';
import { findModel } from '../models/registry.ts';
import { type BatchRecord, BatchStore, isTerminal } from './batch/batch-store.ts';
import { alarmBudget } from './batch/budget.ts';
import { firstState } from './batch/first-state.ts';
import { keysOf, writeImages } from './batch/images.ts';
import { pixelsIn, type View } from './batch/kept-pixels.ts';
import { Pace } from './batch/pace.ts';
import { Previews } from './batch/previews.ts';
import { digestImages } from './batch/receipt.ts';
import { type BatchReport, describeBatch } from './batch/report.ts';
import { Reporter } from './batch/reporter.ts';
import { judge, MAX_STRIKES, messageOf, OutputError, SourceError, stepDeadlineMs } from './batch/retry.ts';
import { runSteps } from './batch/step-loop.ts';
import { Trajectory } from './batch/trajectory.ts';
import type { KeptState, KeptStep, KeptTensor } from './batch/trajectory-store.ts';
import { whatToKeep } from './batch/what-to-keep.ts';
import type { Pixels } from './outputs.ts';
import { turnOf } from './priority.ts';
import { type BatchOrders, type BatchSpec, type Failure, isLarge } from './spec.ts';

/** A job that can't be told of the end is told again after this long. */
const REPORT_RETRY_MS = 2_000;

export class SampleBatch extends DurableObject<Env> {
  readonly #store: BatchStore;
  /** The alarm that works right now; a second one joins it instead of walking beside it. */
  #running: Promise<void> | null = null;
  /** Ends the backend call under way when the batch is cancelled. */
  #abort = new AbortController();
  #stopped = false;
  /** Of the walk under way. */
  #trajectory: Trajectory | null = null;
  readonly #pace = new Pace();
  readonly #reporter: Reporter;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new BatchStore(ctx.storage);
    this.#reporter = new Reporter(env, this.#store, this.#pace);
  }

  /** Begins, or makes sure that a batch that began goes on, on the course that the orders set. Idempotent. */
  async start(spec: BatchSpec, orders: BatchOrders): Promise<BatchReport> {
    await this.#store.migrate();
    this.#store.create(spec, Date.now());
    if (this.#stopped) await this.#stand();
    this.#store.obey(orders, this.#running !== null, Date.now());
    this.#trajectory?.steer(this.#store.patches());
    const record = this.#store.read()!;
    const working = this.#running !== null || (await this.ctx.storage.getAlarm()) !== null;
    if (!working && !(isTerminal(record.status) && record.reported)) await this.#wakeIn(0);
    return this.#describe();
  }

  /**
   * Copies the state that it begins with, without taking a step: from then on its source may go. Idempotent.
   *
   * @returns whether it has what it begins with; if not, the walk tries again and says why
   */
  async prepare(spec: BatchSpec): Promise<boolean> {
    await this.#store.migrate();
    this.#store.create(spec, Date.now());
    const manifest = findModel(spec.job.model);
    if (manifest === null || this.#store.read()?.status !== 'running' || this.#store.hasBegun()) return true;
    try {
      await this.#begin(spec, manifest, new Trajectory(spec, manifest));
      return true;
    } catch (error) {
      if (error instanceof SourceError) return false;
      throw error;
    }
  }

  /** Stands still within the step under way, whatever the backend does, until it is started again. Idempotent. */
  async pause(spec: BatchSpec): Promise<BatchReport> {
    await this.#store.migrate();
    this.#store.create(spec, Date.now());
    this.#store.pause(Date.now());
    await this.#halt();
    return this.#describe();
  }

  /**
   * Stops within the step under way, whatever the backend does. Idempotent; a finished batch stays finished.
   *
   * @param keep leaves x_t where it is: the job failed for another batch's fault, and may be taken up again
   */
  async cancel(spec: BatchSpec, keep: boolean): Promise<BatchReport> {
    await this.#store.migrate();
    this.#store.create(spec, Date.now()); // a batch that never began must not begin later
    this.#store.finish('canceled', null, keep || spec.job.keepState, Date.now());
    this.#store.markReported(); // the answer to this call tells the job
    await this.#halt();
    return this.#describe();
  }

  /** Forgets everything and never walks again; pictures that are on their way to the bucket have arrived. Idempotent. */
  async erase(): Promise<void> {
    if (!this.#store.exists()) return;
    await this.#store.migrate();
    this.#store.finish('canceled', null, false, Date.now());
    this.#store.markReported();
    await this.#halt();
    await this.#running;
    await this.#store.deleteAll();
  }

  /** Final x of one image `[C, H, W]` if the job keeps its state; null if there is none. */
  async finalTensor(image: number): Promise<Float32Array | null> {
    if (!this.#store.exists()) return null;
    await this.#store.migrate();
    const record = this.#store.read();
    const state = record?.status === 'succeeded' ? this.#store.readState() : null;
    return record === null || state === null ? null : partOf(state.tensors.x, record.spec, image);
  }

  async keptSteps(): Promise<KeptStep[]> {
    return (await this.#open()) ? this.#store.keptSteps() : [];
  }

  /** One image of a kept step, `[C, H, W]`; null if it is not there. */
  async keptTensor(step: number, what: KeptTensor, image: number): Promise<Float32Array | null> {
    if (!(await this.#open())) return null;
    const spec = this.#store.read()?.spec;
    const tensor = this.#store.keptTensor(step, what);
    return spec === undefined || tensor === null ? null : partOf(tensor, spec, image);
  }

  /** Images of a kept step as they are looked at; null if it is not there. */
  async keptPixels(step: number, what: KeptTensor, view: View): Promise<Pixels[] | null> {
    if (!(await this.#open())) return null;
    const spec = this.#store.read()?.spec;
    const shape = spec === undefined ? undefined : findModel(spec.job.model)?.image;
    const tensor = this.#store.keptTensor(step, what);
    return spec === undefined || shape === undefined || tensor === null
      ? null
      : pixelsIn(tensor, spec, shape, view);
  }

  /** For a batch that goes on from here: the state of a kept step, to be followed by its chunks. */
  async keptState(step: number): Promise<KeptState | null> {
    return (await this.#open()) ? this.#store.keptState(step) : null;
  }

  async keptChunk(step: number, name: string, seq: number): Promise<ArrayBuffer | null> {
    return (await this.#open()) ? this.#store.keptChunk(step, name, seq) : null;
  }

  /** At least once, and perhaps twice at the same time: both are harmless. */
  override async alarm(): Promise<void> {
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
      this.#trajectory = null;
    });
    await this.#running;
  }

  /** Never throws for an expected fault: the platform stops calling an alarm that has thrown six times. */
  async #work(): Promise<void> {
    if (!this.#store.exists()) return;
    await this.#store.migrate();
    const record = this.#store.read();
    if (record === null || record.paused) return;
    try {
      if (record.status === 'running') await this.#walk(record);
      if (this.#store.read()?.status === 'finishing') await this.#finish(record.spec);
    } catch (error) {
      await this.#failed(error);
    }
    await this.#tellJobOfTheEnd(record.spec);
  }

  async #walk(record: BatchRecord): Promise<void> {
    if (record.strikes >= MAX_STRIKES) {
      const message = `step ${record.step + 1} ended its process ${record.strikes} times in a row`;
      return this.#end({ code: 'poison_step', message });
    }
    const manifest = this.#modelOf(record.spec);
    if (manifest === null) return;
    this.#store.strike(Date.now());
    this.#pace.reset();
    this.#report(record.spec);

    const trajectory = new Trajectory(record.spec, manifest, this.#store.patches());
    this.#trajectory = trajectory;
    this.#reporter.previews = new Previews(record.spec, manifest.image);
    const state = this.#store.readState() ?? (await this.#begin(record.spec, manifest, trajectory));
    if (this.#stopped) return;
    const stepsPerAlarm =
      this.env.STEPS_PER_ALARM === undefined ? undefined : Number(this.env.STEPS_PER_ALARM);
    const end = await runSteps(trajectory, state, {
      backend: createBackend(this.env),
      budget: alarmBudget(stepsPerAlarm),
      signal: this.#abort.signal,
      turn: { owner: record.spec.job.id, ...turnOf(record.spec.job.priority) },
      now: () => Date.now(),
      wait: (ms) => scheduler.wait(ms),
      stopped: () => this.#stopped,
      commit: (next: SamplerState, event, predXStart) => {
        const keep = whatToKeep(record.spec, trajectory, next, predXStart);
        this.#store.commitStep(next, event, Date.now(), keep);
        this.#pace.tick(Date.now());
        this.#reporter.previews?.offer(next.step, predXStart);
        this.#report(record.spec);
      },
    });
    if (end !== 'budget') return;
    this.#store.rest();
    await this.#wakeIn(0);
  }

  /** The first state; stored if it comes from elsewhere or is to be kept, else drawn again after a crash. */
  async #begin(spec: BatchSpec, manifest: ModelManifest, trajectory: Trajectory): Promise<SamplerState> {
    const state = await firstState(this.env, spec, manifest, trajectory);
    const keep = whatToKeep(spec, trajectory, state, null);
    if (keep !== null) this.#store.begin(state, keep);
    return state;
  }

  /** Writes the images, then lets go of x_t unless it is to be kept. */
  async #finish(spec: BatchSpec): Promise<void> {
    const manifest = this.#modelOf(spec);
    const state = this.#store.readState();
    if (manifest === null || state === null) return;
    const { x } = state.tensors;
    const pixelsCrc32 = await writeImages(this.env.OUTPUTS, spec, manifest, x).catch((error) => {
      throw new OutputError(`could not store the images: ${messageOf(error)}`, { cause: error });
    });
    this.#store.saveOutputs({ digests: await digestImages(x, spec.size), pixelsCrc32 });
    this.#store.finish('succeeded', null, spec.job.keepState, Date.now());
  }

  /** The model the job was accepted with; ends the batch if this deployment has another one, or none. */
  #modelOf(spec: BatchSpec): ModelManifest | null {
    const { model, modelDigest: accepted } = spec.job;
    const manifest = findModel(model);
    if (manifest === null) {
      this.#end({ code: 'unknown_model', message: `this deployment has no model ${model}` });
      return null;
    }
    if (modelDigest(manifest) !== accepted) {
      const message = `model ${model} is ${modelDigest(manifest)} here, but the job began with ${accepted}`;
      this.#end({ code: 'model_changed', message });
      return null;
    }
    return manifest;
  }

  async #failed(error: unknown): Promise<void> {
    const record = this.#store.read();
    // Cancelled or paused while the call was under way.
    if (record === null || isTerminal(record.status) || record.paused) return;
    const now = Date.now();
    const failingFor = now - (record.failingSince ?? now);
    const verdict = judge(error, record.attempts, failingFor, stepDeadlineMs(this.env.STEP_DEADLINE_SECONDS));
    if (verdict.kind === 'fail') return this.#end(verdict.failure);
    this.#store.recordRetry(messageOf(error), now, error instanceof BackendError);
    this.#reporter.hurry();
    this.#report(record.spec);
    await this.#wakeIn(verdict.delayMs);
  }

  #end(failure: Failure): void {
    this.#store.finish('failed', failure, true, Date.now()); // it may be taken up again
  }

  #report(spec: BatchSpec): void {
    const told = this.#reporter.progress(spec);
    if (told !== null) this.ctx.waitUntil(told.then((known) => (known ? undefined : this.#orphaned())));
  }

  async #tellJobOfTheEnd(spec: BatchSpec): Promise<void> {
    const heard = await this.#reporter.end(spec);
    if (heard === 'job is gone') await this.#vanish(spec);
    if (heard === 'not heard') await this.#wakeIn(REPORT_RETRY_MS);
    // Thousands of them: what a large run still needs of a batch that succeeded lies in the bucket and with its job.
    if (heard === 'heard' && isLarge(spec.job) && this.#store.read()?.status === 'succeeded') {
      await this.#store.deleteAll();
    }
  }

  /** The job was removed while this batch walked, perhaps just when it was told to: it ends, and goes. */
  async #orphaned(): Promise<void> {
    if (!this.#store.exists()) return;
    this.#store.finish('canceled', null, false, Date.now());
    await this.#halt();
    await this.#wakeIn(0);
  }

  /** Takes its pictures along: the removal of the job may have been through before they were written. */
  async #vanish(spec: BatchSpec): Promise<void> {
    await this.env.OUTPUTS.delete(keysOf(spec));
    await this.#store.deleteAll();
  }

  #describe(): BatchReport {
    return describeBatch(this.#store, this.#pace.stepMs);
  }

  /** Nothing is committed after this, and no alarm is left. */
  async #halt(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    await this.ctx.storage.deleteAlarm();
  }

  /** Waits for what was halted, and is ready to walk again. */
  async #stand(): Promise<void> {
    await this.#running;
    this.#stopped = false;
    this.#abort = new AbortController();
  }

  async #open(): Promise<boolean> {
    if (!this.#store.exists()) return false;
    await this.#store.migrate();
    return true;
  }

  #wakeIn(ms: number): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now() + ms);
  }
}

/** One image of a batch's tensor, `[C, H, W]`; null if it is none of its images. */
function partOf(tensor: Float32Array, { first, size }: BatchSpec, image: number): Float32Array | null {
  const elements = tensor.length / size;
  const at = image - first;
  return at >= 0 && at < size ? tensor.slice(at * elements, (at + 1) * elements) : null;
}
