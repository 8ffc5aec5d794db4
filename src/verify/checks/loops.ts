import { basename } from 'node:path';
import { z } from 'zod';
import {
  initSampler,
  modelTimestep,
  type SamplerState,
  type StepResult,
  stepSampler,
  toNHWC,
  toUint8,
} from '../../core/index.ts';
import { type CheckInput, type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import type { Drift } from '../drift.ts';
import type { LoopEvaluation, LoopNetworks } from '../networks.ts';
import { Comparison, guarded, largestMagnitude } from '../result.ts';
import { GoldenLoop, loopSchema } from './golden-loop.ts';
import { CORE_TOLERANCE, outputSensitivity } from './tolerances.ts';

const index = z.looseObject({ loops: z.array(loopSchema) });

/** Whole loops with the networks named: the core alone, each step alone, and the loop from start to end. */
export const loops: CheckKind = {
  name: 'sampling loops',
  recognises: (content) => hasKeys(firstOf(content, 'loops'), 'model_checkpoint', 'sampler'),
  async *run(input) {
    for (const entry of index.parse(input.content).loops) {
      const file = folderOf(input.path) + entry.file;
      yield* guarded(file, async function* () {
        const loop = new GoldenLoop(entry, await input.directory.npz(file));
        const core = new Comparison();
        checkCore(core, loop);
        yield core.result(`${file} (core)`);
        yield* checkWithNetworks(input, file, loop);
      });
    }
  },
};

/** What needs no network: timesteps, the steps whose model output the file has, and the bytes of the picture. */
function checkCore(comparison: Comparison, loop: GoldenLoop): void {
  const { entry, npz, diffusion, steps } = loop;
  comparison.same('timestep map', diffusion.timestepMap, entry.timestep_map);
  for (const name of ['model_t', 'cond_t'].filter((array) => npz.has(array))) {
    const received = npz.numbers(name);
    const perStep = received.length / steps;
    const expected = received.map((_, i) => modelTimestep(diffusion, steps - 1 - Math.floor(i / perStep)));
    comparison.close(name, expected, received, 0);
  }
  const config = loop.config(loop.guided ? 1 : 0);
  for (const { name, k } of loop.storedOutputs) {
    const evaluation = {
      modelOutput: npz.float32(name),
      gradient: loop.guided ? loop.at('grad', k) : null,
    };
    const result = stepSampler(
      diffusion,
      config,
      loop.stateBefore(k, config),
      evaluation,
      loop.at('noises', k),
    );
    compareStep(comparison, loop, k, result, (largest) => CORE_TOLERANCE * largest);
  }
  const [, channels, height, width] = loop.shape;
  const bytes = toNHWC(toUint8(npz.float32('final')), { channels, height, width });
  comparison.close('bytes of the golden final', bytes, npz.numbers('final_uint8_nhwc'), 0);
}

/** @param tolerance absolute, given the largest value that is expected */
function compareStep(
  comparison: Comparison,
  loop: GoldenLoop,
  k: number,
  { state, predXStart }: StepResult,
  tolerance: (largest: number) => number,
): void {
  for (const [name, actual, expected] of [
    ['x', state.tensors.x, loop.at('x_seq', k + 1)],
    ['predicted x_0', predXStart, loop.at('pred_xstart', k)],
  ] as const) {
    comparison.close(`${name} of step ${k}`, actual, expected, tolerance(largestMagnitude(expected, 1)));
  }
}

async function* checkWithNetworks(
  { directory, drift, loadNetworks, path }: CheckInput,
  file: string,
  loop: GoldenLoop,
) {
  if (!loadNetworks) {
    const detail = 'no engine was given to run the checkpoints';
    yield {
      file: `${file} (networks)`,
      cases: 0,
      maxError: 0,
      tolerance: 0,
      status: 'not covered',
      detail,
    } as const;
    return;
  }
  const { entry } = loop;
  const networks = await loadNetworks({
    directory,
    model: folderOf(path) + entry.model_checkpoint,
    classifier: entry.classifier_checkpoint && folderOf(path) + entry.classifier_checkpoint,
  });
  try {
    const tolerances = networkTolerances(drift, entry);
    const each = new Comparison();
    for (let k = 0; k < loop.steps; k++) await checkStepWithNetworks(each, loop, networks, tolerances, k);
    yield each.result(`${file} (each step)`);
    const whole = new Comparison();
    await checkWholeLoop(whole, loop, networks, drift.loops?.[entry.file]);
    yield whole.result(`${file} (whole loop)`);
  } finally {
    await networks.close();
  }
}

/** Step k from the golden x_k: what the networks say, and where the step leads. */
async function checkStepWithNetworks(
  comparison: Comparison,
  loop: GoldenLoop,
  networks: LoopNetworks,
  tolerances: NetworkTolerances,
  k: number,
): Promise<void> {
  const { entry, npz, diffusion } = loop;
  const config = loop.config(loop.guided ? entry.classifier_scale : 0);
  const state = loop.stateBefore(k, config);
  const evaluation = await evaluate(loop, networks, state);
  const { modelOutput, gradient } = evaluation;
  const stored = loop.storedOutputs.find((output) => output.k === k);
  const outputTolerance = tolerances.output(largestMagnitude(modelOutput, 1));
  if (stored) {
    comparison.close(`${stored.name}, step ${k}`, modelOutput, npz.float32(stored.name), outputTolerance);
  }
  if (gradient) {
    const scaled = gradient.map((value) => value * entry.classifier_scale);
    const expected = loop.at('grad', k);
    comparison.close(
      `gradient of step ${k}`,
      scaled,
      expected,
      tolerances.gradient(largestMagnitude(expected)),
    );
  }
  const result = stepSampler(diffusion, config, state, evaluation, loop.at('noises', k));
  const tolerance = (largest: number) =>
    outputTolerance * outputSensitivity(diffusion, state.t, largest) + CORE_TOLERANCE * largest;
  compareStep(comparison, loop, k, result, tolerance);
}

interface NetworkTolerances {
  /** Of a model output whose largest value is this. */
  readonly output: (largest: number) => number;
  /** Of a scaled gradient whose largest value is this. */
  readonly gradient: (largest: number) => number;
}

/** A multiple of what the drift file says of these checkpoints; without it what float32 networks usually drift. */
function networkTolerances({ checkpoint_io }: Drift, entry: GoldenLoop['entry']): NetworkTolerances {
  const driftOf = (checkpoint: string | null) => checkpoint_io?.[basename(checkpoint ?? '', '.pt')];
  const output = driftOf(entry.model_checkpoint)?.output;
  const gradient = driftOf(entry.classifier_checkpoint)?.grad;
  return {
    output: (largest) => (output === undefined ? NETWORK_TOLERANCE * largest : MARGIN * output),
    gradient: (largest) =>
      gradient === undefined ? NETWORK_TOLERANCE * largest : MARGIN * gradient * entry.classifier_scale,
  };
}

/** The drift was measured on one input, and a loop visits many. */
const MARGIN = 16;

/** Float32 networks in two engines differ by about 1e-5 at values up to 4. */
const NETWORK_TOLERANCE = 2e-5;

/** The loop from x_T, fed with its own results. Two correct implementations drift apart as the drift file says. */
async function checkWholeLoop(
  comparison: Comparison,
  loop: GoldenLoop,
  networks: LoopNetworks,
  drift: { per_step_max_abs: number[]; uint8_differences?: number | undefined } | undefined,
) {
  const { entry, npz, diffusion } = loop;
  const config = loop.config(loop.guided ? entry.classifier_scale : 0);
  let state = initSampler(diffusion, config, npz.float32('x_T'));
  while (!state.done) {
    const k = state.step;
    const evaluation = await evaluate(loop, networks, state);
    state = stepSampler(diffusion, config, state, evaluation, loop.at('noises', k)).state;
    const expected = loop.at('x_seq', k + 1);
    const perturbed = entry.max_abs_change_per_step_from_1e6_perturbation_of_x_T?.[k];
    const scale = Math.max(drift?.per_step_max_abs[k] ?? 1e-4, perturbed ?? 0);
    comparison.close(`x after step ${k}`, state.tensors.x, expected, 4 * scale);
  }
  const [, channels, height, width] = loop.shape;
  const bytes = toNHWC(toUint8(state.tensors.x), { channels, height, width });
  const golden = npz.numbers('final_uint8_nhwc');
  const differences = golden.filter((byte, i) => byte !== bytes[i]).length;
  const allowed = 4 * (drift?.uint8_differences ?? 0) + Math.ceil(golden.length / 500);
  comparison.close('bytes that differ in the final images', [differences], [0], allowed);
}

async function evaluate(
  loop: GoldenLoop,
  networks: LoopNetworks,
  state: SamplerState,
): Promise<LoopEvaluation> {
  const { npz, diffusion, shape } = loop;
  const labels = npz.has('y') ? npz.numbers('y') : undefined;
  const lowRes = npz.has('low_res') ? npz.array('low_res') : undefined;
  return networks.evaluate({
    x: state.tensors.x,
    shape,
    timestep: new Float32Array(shape[0]).fill(modelTimestep(diffusion, state.t)),
    labels,
    targets: loop.guided ? labels : undefined,
    lowRes: lowRes && { data: npz.float32('low_res'), shape: lowRes.shape },
  });
}
