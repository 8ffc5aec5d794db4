/** Evaluations inside the Worker: no other process, no network; for small models. */
import type { ModelManifest } from '../../models/manifest.ts';
import {
  BackendError,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRequest,
  type InferenceBackend,
} from '../backend.ts';
import { checkRequest, expectedOutputs, toEvaluation } from '../validate.ts';
import type { EmbeddedGraphs } from './models.ts';
import { type GraphInput, runGraph } from './session.ts';

export interface EmbeddedOptions {
  readonly graphs: ReadonlyMap<string, EmbeddedGraphs>;
  readonly findModel: (id: string) => ModelManifest | null;
}

export class EmbeddedBackend implements InferenceBackend {
  readonly name = 'embedded';
  readonly remote = false;
  readonly #options: EmbeddedOptions;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  async evaluate(request: EvaluationRequest, { signal }: EvaluateOptions = {}): Promise<Evaluation> {
    const manifest = this.#options.findModel(request.model);
    const graphs = this.#options.graphs.get(request.model);
    if (manifest === null || graphs === undefined) {
      throw new BackendError(
        'unknown_model',
        `model "${request.model}" is not embedded in this Worker: it needs INFERENCE_BACKEND=remote and an inference server`,
      );
    }
    checkRequest(request, manifest);

    await letOthersIn();
    refuseIfAborted(signal);
    const startedAt = Date.now();
    const inputs = graphInputs(request);
    const answer = await run(graphs.diffusion, inputs.diffusion, ['output'], request.model);
    if (inputs.gradient !== null) {
      if (graphs.gradient === undefined) {
        throw new BackendError('rejected', `model "${request.model}" has no gradient graph in this Worker`);
      }
      answer.push(...(await run(graphs.gradient, inputs.gradient, ['gradient'], request.model)));
    }
    lastRunMs = Date.now() - startedAt;
    return toEvaluation(answer, expectedOutputs(request, manifest));
  }
}

/** How long the last evaluation held this isolate's thread. */
let lastRunMs = 0;

/** Of the thread's time, for everything but evaluations. */
const PAUSE_SHARE = 0.03;
const MAX_PAUSE_MS = 25;

/**
 * A run holds the thread and settles in microtasks: without a pause a long job would never see its cancel. A request
 * to a durable object takes several turns of the event loop, and without time for all of them it would wait a whole
 * run for each; so the pause grows with the runs.
 */
function letOthersIn(): Promise<void> {
  return scheduler.wait(Math.min(MAX_PAUSE_MS, Math.floor(PAUSE_SHARE * lastRunMs)));
}

function refuseIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new BackendError('aborted', 'embedded inference: the caller gave up', { cause: signal.reason });
  }
}

type GraphInputs = Readonly<Record<string, GraphInput>>;

function graphInputs(request: EvaluationRequest): { diffusion: GraphInputs; gradient: GraphInputs | null } {
  const { shape, x, timestep, label, target } = request;
  const [batch] = shape;
  const image = { x: { data: x, shape }, timestep: { data: timestep, shape: [batch] } };
  return {
    diffusion: label === undefined ? image : { ...image, label: { data: label, shape: [batch] } },
    gradient:
      target === undefined
        ? null
        : { ...image, target: { data: target, shape: [batch, target.length / batch] } },
  };
}

async function run(graph: ArrayBuffer, inputs: GraphInputs, wanted: readonly string[], model: string) {
  try {
    return await runGraph(graph, inputs, wanted);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendError('unavailable', `embedded inference of "${model}": ${reason}`, { cause: error });
  }
}
