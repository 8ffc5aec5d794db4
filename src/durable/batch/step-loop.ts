/** The timestep loop: evaluate, step, commit, until the walk is done, the budget is spent or someone says stop. */
import type { SamplerState } from '../../core/index.ts';
import type { EvaluateOptions, Evaluation, InferenceBackend } from '../../inference/backend.ts';
import type { Budget } from './budget.ts';
import type { Trajectory } from './trajectory.ts';

export interface LoopPorts {
  readonly backend: InferenceBackend;
  readonly budget: Budget;
  readonly signal: AbortSignal;
  /** Whose steps these are and their place in a queue, for a backend that shares out its turns. */
  readonly turn: Pick<EvaluateOptions, 'owner' | 'priority'>;
  now(): number;
  /** Gives the event loop to others for this long, ms. */
  wait(ms: number): Promise<unknown>;
  /** Whether the walk has been cancelled or taken over; nothing is committed after it says so. */
  stopped(): boolean;
  /**
   * Makes the state the one to resume from.
   *
   * @param predXStart the x_0 that the step predicted, `[N, C, H, W]`
   */
  commit(state: SamplerState, event: StepEvent, predXStart: Float32Array): void;
}

/** What is kept of a step beside its state. */
export interface StepEvent {
  /** From the commit before it, or from the begin of the walk, to its own. */
  readonly ms: number;
  readonly backend_ms: number;
  /** Which server of a fleet computed it. */
  readonly backend?: string;
  /** Servers that were asked until one answered. */
  readonly tries: number;
  /** Whether the classifier ran. */
  readonly guided: boolean;
  /** Body of the request that was answered and of its answer; 0 inside the process. */
  readonly sent: number;
  readonly received: number;
}

export type LoopEnd = 'done' | 'budget' | 'stopped';

/**
 * @param committed the last committed state
 * @throws {BackendError} or whatever a step throws; all that was committed stays
 */
export async function runSteps(
  trajectory: Trajectory,
  committed: SamplerState,
  ports: LoopPorts,
): Promise<LoopEnd> {
  const startedAt = ports.now();
  let state = committed;
  let stepsDone = 0;
  let committedAt = startedAt;
  let call = evaluateAt(trajectory, state, ports);
  for (;;) {
    const noise = trajectory.noise(state); // while the call is under way: drawing takes a good part of the step's own time
    const { evaluation, ms } = await call;
    if (ports.stopped()) return 'stopped';
    const { state: next, predXStart } = trajectory.advance(state, evaluation, noise);
    stepsDone++;
    const goOn = !next.done && ports.budget.allows({ stepsDone, startedAt, now: ports.now() });

    // Outgoing calls wait for earlier writes, so a remote call leaves first and the commit hides behind it. A commit
    // lost in that window is repeated with the same noise to the same bytes. A call inside the process would block
    // the thread before the write: it comes after.
    let ahead: Promise<TimedEvaluation> | undefined;
    if (goOn && ports.backend.remote) {
      ahead = evaluateAt(trajectory, next, ports);
      ahead.catch(() => {}); // awaited above in the next round; until then a rejection must not go unhandled
      await ports.wait(bodyLeavesAfterMs(next.tensors.x.byteLength));
      if (ports.stopped()) return 'stopped';
    }
    const now = ports.now();
    ports.commit(next, { ms: now - committedAt, ...eventOf(evaluation, ms) }, predXStart);
    committedAt = now;
    if (!goOn) return next.done ? 'done' : 'budget';
    state = next;
    call = ahead ?? evaluateAt(trajectory, next, ports);
  }
}

function eventOf(evaluation: Evaluation, backendMs: number): Omit<StepEvent, 'ms'> {
  const { backend, tries = 1, wire, gradient } = evaluation;
  return {
    backend_ms: backendMs,
    ...(backend === undefined ? {} : { backend }),
    tries,
    guided: gradient !== null,
    sent: wire?.sent ?? 0,
    received: wire?.received ?? 0,
  };
}

interface TimedEvaluation {
  readonly evaluation: Evaluation;
  readonly ms: number;
}

async function evaluateAt(
  trajectory: Trajectory,
  state: SamplerState,
  ports: LoopPorts,
): Promise<TimedEvaluation> {
  const startedAt = ports.now();
  const { signal, turn } = ports;
  const evaluation = await ports.backend.evaluate(trajectory.request(state), { ...turn, signal });
  return { evaluation, ms: ports.now() - startedAt };
}

/** Measured: enough is 1 ms for 4 KB, 2 ms for 40 KB, 3 to 5 ms for 768 KB. Too short costs more than too long. */
function bodyLeavesAfterMs(bytes: number): number {
  return bytes < 16_384 ? 1 : 2 + Math.min(3, Math.floor(bytes / 300_000));
}
