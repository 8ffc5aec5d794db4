import { z } from 'zod';
import {
  createDiffusion,
  type Diffusion,
  initSampler,
  modelTimestep,
  type SamplerConfig,
  type SamplerState,
  stepSampler,
  toNHWC,
  toUint8,
} from '../../core/index.ts';
import { type CheckInput, type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import type { LoopEvaluation, LoopNetworks } from '../networks.ts';
import type { Npz } from '../npz.ts';
import { Comparison, largestMagnitude } from '../result.ts';
import { scheduleFields, settingsFrom, typeFields } from './reference-settings.ts';

const loopSchema = z.looseObject({
  file: z.string(),
  sampler: z.enum(['p_sample_loop', 'ddim_sample_loop']),
  eta: z.number().default(0),
  ...scheduleFields,
  ...typeFields,
  timestep_respacing: z.string(),
  clip_denoised: z.boolean(),
  classifier_scale: z.number(),
  model_checkpoint: z.string(),
  classifier_checkpoint: z.string().nullable(),
  timestep_map: z.array(z.int()),
  mid_index: z.int(),
  max_abs_change_per_step_from_1e6_perturbation_of_x_T: z.array(z.number()).optional(),
});
const index = z.looseObject({ loops: z.array(loopSchema) });

/** Whole loops with the networks named: the core alone, each step alone, and the loop from start to end. */
export const loops: CheckKind = {
  name: 'sampling loops',
  recognises: (content) => hasKeys(firstOf(content, 'loops'), 'model_checkpoint', 'sampler'),
  async *run(input) {
    for (const entry of index.parse(input.content).loops) {
      const file = folderOf(input.path) + entry.file;
      const loop = new GoldenLoop(entry, await input.directory.npz(file));
      const core = new Comparison();
      checkCore(core, loop);
      yield core.result(`${file} (core)`);
      yield* checkWithNetworks(input, file, loop);
    }
  },
};

/** One golden loop: its arrays, and the sampler that has to reproduce them. */
class GoldenLoop {
  readonly entry: z.infer<typeof loopSchema>;
  readonly npz: Npz;
  readonly diffusion: Diffusion;
  readonly shape: readonly [number, number, number, number];
  readonly steps: number;

  constructor(entry: z.infer<typeof loopSchema>, npz: Npz) {
    this.entry = entry;
    this.npz = npz;
    this.diffusion = createDiffusion(settingsFrom(entry, entry), entry.timestep_respacing);
    const [batch = 0, channels = 0, height = 0, width = 0] = npz.array('x_T').shape;
    this.shape = [batch, channels, height, width];
    this.steps = this.diffusion.numTimesteps;
  }

  /** @param gradientScale what the sampler multiplies the gradient by; 1 for golden gradients, which are scaled */
  config(gradientScale: number): SamplerConfig {
    return {
      sampler: this.entry.sampler === 'ddim_sample_loop' ? 'ddim' : 'ddpm',
      eta: this.entry.eta,
      clipDenoised: this.entry.clip_denoised,
      guidanceScale: gradientScale,
      channels: this.shape[1],
      batch: this.shape[0],
    };
  }

  get guided(): boolean {
    return this.entry.classifier_checkpoint !== null && this.npz.has('grad');
  }

  /** The k-th tensor of an array of one per step. */
  at(name: string, k: number): Float32Array {
    const data = this.npz.float32(name);
    const count = this.npz.array(name).shape[0]!;
    const size = data.length / count;
    return data.subarray(k * size, (k + 1) * size);
  }

  /** The state before step k, with the golden x. */
  stateBefore(k: number, config: SamplerConfig): SamplerState {
    const start = initSampler(this.diffusion, config, this.at('x_seq', k));
    return { ...start, t: this.steps - 1 - k, step: k };
  }
}

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
  const stored = { model_output_first: 0, model_output_mid: entry.mid_index, model_output_last: steps - 1 };
  const config = loop.config(loop.guided ? 1 : 0);
  for (const [name, k] of Object.entries(stored)) {
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
    compareStep(comparison, loop, k, result.state.tensors.x, result.predXStart, () => CORE_TOLERANCE);
  }
  const [, channels, height, width] = loop.shape;
  const bytes = toNHWC(toUint8(npz.float32('final')), { channels, height, width });
  comparison.close('bytes of the golden final', bytes, npz.numbers('final_uint8_nhwc'), 0);
}

/** A few roundings of float32, relative to the largest value. */
const CORE_TOLERANCE = 1e-6;

function compareStep(
  comparison: Comparison,
  loop: GoldenLoop,
  k: number,
  sample: Float32Array,
  predXStart: Float32Array,
  tolerance: (largest: number) => number,
): void {
  for (const [name, actual, expected] of [
    ['x', sample, loop.at('x_seq', k + 1)],
    ['predicted x_0', predXStart, loop.at('pred_xstart', k)],
  ] as const) {
    const largest = largestMagnitude(expected, 1);
    comparison.close(`${name} of step ${k}`, actual, expected, tolerance(largest) * largest);
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
    const each = new Comparison();
    for (let k = 0; k < loop.steps; k++) await checkStepWithNetworks(each, loop, networks, k);
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
  k: number,
) {
  const { entry, npz, diffusion } = loop;
  const config = loop.config(loop.guided ? entry.classifier_scale : 0);
  const state = loop.stateBefore(k, config);
  const evaluation = await evaluate(loop, networks, state);
  const stored = new Map([
    [0, 'model_output_first'],
    [entry.mid_index, 'model_output_mid'],
    [loop.steps - 1, 'model_output_last'],
  ]).get(k);
  if (stored) {
    const expected = npz.float32(stored);
    const tolerance = NETWORK_TOLERANCE * largestMagnitude(expected, 1);
    comparison.close(`${stored}, step ${k}`, evaluation.modelOutput, expected, tolerance);
  }
  if (evaluation.gradient) {
    const scaled = evaluation.gradient.map((value) => value * entry.classifier_scale);
    const expected = loop.at('grad', k);
    comparison.close(
      `gradient of step ${k}`,
      scaled,
      expected,
      NETWORK_TOLERANCE * largestMagnitude(expected),
    );
  }
  const result = stepSampler(diffusion, config, state, evaluation, loop.at('noises', k));
  // what an error of the model output becomes in the predicted x_0
  const amplification =
    1 + (diffusion.settings.meanType === 'epsilon' ? diffusion.sqrtRecipm1AlphasCumprod[state.t]! : 0);
  compareStep(
    comparison,
    loop,
    k,
    result.state.tensors.x,
    result.predXStart,
    () => NETWORK_TOLERANCE * amplification,
  );
}

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
