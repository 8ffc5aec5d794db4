import { z } from 'zod';
import {
  createDiffusion,
  initSampler,
  modelTimestep,
  type SamplerConfig,
  type SamplerState,
  type StepResult,
  stepSampler,
  toNHWC,
  toUint8,
} from '../../core/index.ts';
import { type CheckInput, type CheckKind, firstOf, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import type { LoopNetworks } from '../networks.ts';
import type { Npz } from '../npz.ts';
import { type CheckResult, Comparison, guarded, largestMagnitude } from '../result.ts';
import { scheduleFields, settingsFrom, typeFields } from './reference-settings.ts';
import { CORE_TOLERANCE, outputSensitivity } from './tolerances.ts';

const loopSchema = z.looseObject({
  file: z.string(),
  sampler: z.enum(['ddim', 'ddpm']),
  respacing: z.string(),
  eta: z.number(),
  clip_denoised: z.boolean(),
  classifier_scale: z.number(),
  kept_steps: z.array(z.int()),
});
/** Settings that a facts file may name; by default those that its layout was made with. */
const settingsSchema = z.looseObject({
  noise_schedule: scheduleFields.noise_schedule.default('cosine'),
  diffusion_steps: scheduleFields.diffusion_steps.default(1000),
  rescale_timesteps: scheduleFields.rescale_timesteps.default(false),
  model_mean_type: typeFields.model_mean_type.default('EPSILON'),
  model_var_type: typeFields.model_var_type.default('LEARNED_RANGE'),
  diffusion_checkpoint: z.string().default('diffusion.pt'),
  classifier_checkpoint: z.string().default('classifier.pt'),
});
const index = settingsSchema.extend({
  io: z.looseObject({ file: z.string() }).optional(),
  loops: z.array(loopSchema),
});
type Facts = z.infer<typeof index>;
type LoopFacts = z.infer<typeof loopSchema>;

/** A trained model beside its facts: networks on given inputs, and loops compared as pictures. */
export const trainedModel: CheckKind = {
  name: 'trained model',
  recognises: (content) => hasKeys(firstOf(content, 'loops'), 'respacing', 'kept_steps'),
  async *run(input) {
    const facts = index.parse(input.content);
    const folder = folderOf(input.path);
    const networks = await input.loadNetworks?.({
      directory: input.directory,
      model: folder + facts.diffusion_checkpoint,
      classifier: folder + facts.classifier_checkpoint,
    });
    try {
      if (facts.io) yield await checkNetworks(input, folder + facts.io.file, networks);
      for (const loop of facts.loops) {
        const file = folder + loop.file;
        yield* guarded(file, async function* () {
          const npz = await input.directory.npz(file);
          yield checkBytes(`${file} (core)`, npz);
          yield networks ? await checkLoop(file, npz, facts, loop, networks) : withoutNetworks(file);
        });
      }
    } finally {
      await networks?.close();
    }
  },
};

function withoutNetworks(file: string): CheckResult {
  const detail = 'no engine was given to run the checkpoints';
  return { file, cases: 0, maxError: 0, tolerance: 0, status: 'not covered', detail };
}

/** Two engines in float32 differ by about 1e-5 of the largest value. */
const NETWORK_TOLERANCE = 5e-5;

/** Output, gradient and log-probabilities on the given images and timesteps. */
async function checkNetworks(
  { directory }: CheckInput,
  file: string,
  networks: LoopNetworks | undefined,
): Promise<CheckResult> {
  const npz = await directory.npz(file);
  if (!networks) return withoutNetworks(file);
  const { shape } = npz.array('x');
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const labels = npz.numbers('y');
  const answer = await networks.evaluate({
    x: npz.float32('x'),
    shape: [batch, channels, height, width],
    timestep: npz.float32('timesteps'),
    labels,
    targets: labels,
  });
  const comparison = new Comparison();
  for (const [name, actual] of [
    ['output', answer.modelOutput],
    ['grad', answer.gradient],
    ['log_softmax', answer.logProbs],
  ] as const) {
    const expected = npz.float32(name);
    comparison.close(name, actual ?? [], expected, NETWORK_TOLERANCE * largestMagnitude(expected));
  }
  return comparison.result(file);
}

function checkBytes(file: string, npz: Npz): CheckResult {
  const comparison = new Comparison();
  const { final, golden } = finalOf(npz, npz.float32('final'));
  comparison.close('bytes of the golden final', final, golden, 0);
  return comparison.result(file);
}

/** Of this many bytes, two correct float32 implementations differ in one or a few, by 1 or 2. */
const BYTES_PER_DIFFERENCE = 100;

async function checkLoop(
  file: string,
  npz: Npz,
  facts: Facts,
  loop: LoopFacts,
  networks: LoopNetworks,
): Promise<CheckResult> {
  const comparison = new Comparison();
  const run = trainedLoop(npz, facts, loop, networks);
  for (const [kept, k] of loop.kept_steps.entries()) {
    if (k === 0) await checkKeptStep(comparison, run, kept, k, npz.float32('x_T'));
    else if (loop.kept_steps[kept - 1] === k - 1) {
      await checkKeptStep(comparison, run, kept, k, run.at('x_after', kept - 1));
    }
  }
  let state = initSampler(run.diffusion, run.config, npz.float32('x_T'));
  while (!state.done) state = (await run.step(state)).state;
  const { final: bytes, golden } = finalOf(npz, state.tensors.x);
  const differing = golden.filter((byte, i) => byte !== bytes[i]).length;
  comparison.close('bytes that differ', [differing], [0], Math.ceil(golden.length / BYTES_PER_DIFFERENCE));
  comparison.close('bytes', bytes, golden, 2);
  return comparison.result(file);
}

/** Step k alone, from the x that the file has before it. */
async function checkKeptStep(
  comparison: Comparison,
  run: ReturnType<typeof trainedLoop>,
  kept: number,
  k: number,
  x: Float32Array,
): Promise<void> {
  const { diffusion, config } = run;
  const t = diffusion.numTimesteps - 1 - k;
  const result = await run.step({ ...initSampler(diffusion, config, x), t, step: k });
  for (const [name, actual] of [
    ['x_after', result.state.tensors.x],
    ['pred_xstart_at', result.predXStart],
  ] as const) {
    const expected = run.at(name, kept);
    const largest = largestMagnitude(expected, 1);
    const tolerance = NETWORK_TOLERANCE * outputSensitivity(diffusion, t, largest) + CORE_TOLERANCE * largest;
    comparison.close(`${name} step ${k}`, actual, expected, tolerance);
  }
}

/** The sampler of a loop, and its steps with the networks and the golden noise. */
function trainedLoop(npz: Npz, facts: Facts, loop: LoopFacts, networks: LoopNetworks) {
  const diffusion = createDiffusion(settingsFrom(facts, facts), loop.respacing);
  const [batch = 0, channels = 0, height = 0, width = 0] = npz.array('x_T').shape;
  const config: SamplerConfig = {
    sampler: loop.sampler,
    eta: loop.eta,
    clipDenoised: loop.clip_denoised,
    guidanceScale: loop.classifier_scale,
    channels,
    batch,
  };
  const labels = npz.numbers('y');
  const size = batch * channels * height * width;
  const at = (name: string, k: number) => npz.float32(name).subarray(k * size, (k + 1) * size);
  const step = async (state: SamplerState): Promise<StepResult> => {
    const evaluation = await networks.evaluate({
      x: state.tensors.x,
      shape: [batch, channels, height, width],
      timestep: new Float32Array(batch).fill(modelTimestep(diffusion, state.t)),
      labels,
      targets: loop.classifier_scale === 0 ? undefined : labels,
    });
    const noise = npz.has('noises') ? at('noises', state.step) : null;
    return stepSampler(diffusion, config, state, evaluation, noise);
  };
  return { diffusion, config, at, step };
}

function finalOf(npz: Npz, x: Float32Array): { final: Uint8Array; golden: number[] } {
  const [, channels = 0, height = 0, width = 0] = npz.array('x_T').shape;
  return { final: toNHWC(toUint8(x), { channels, height, width }), golden: npz.numbers('final_uint8_nhwc') };
}
