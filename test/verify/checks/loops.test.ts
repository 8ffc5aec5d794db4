import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDiffusion,
  drawNoise,
  initSampler,
  modelTimestep,
  type SamplerConfig,
  stepSampler,
  toNHWC,
  toUint8,
} from '../../../src/core/index.ts';
import {
  type CheckResult,
  type LoadNetworks,
  type LoopEvaluation,
  type LoopInput,
  verifyDirectory,
} from '../../../src/verify/index.ts';
import { npzBytes } from '../write-npz.ts';

const SHAPE = [2, 3, 4, 4] as const;
const SIZE = 2 * 3 * 4 * 4;
const STEPS = 6;
const SCALE = 2.5;

/** Made-up networks: smooth functions of x, of the timestep and of the class. */
function madeUpNetworks({ x, timestep, labels, targets }: LoopInput): LoopEvaluation {
  const t = timestep[0]! / 1000;
  const label = (i: number) => labels?.[i < SIZE / 2 ? 0 : 1] ?? 0;
  return {
    modelOutput: x.map((value, i) => Math.tanh(value * (0.4 + t)) + 0.01 * label(i)),
    gradient: targets ? x.map((value, i) => 0.05 * (label(i) - value)) : null,
    logProbs: null,
  };
}

/** A directory in the layout of golden loops, made with those networks instead of the reference. */
async function writeLoop(directory: string): Promise<void> {
  const settings = {
    steps: 1000,
    noiseSchedule: 'linear',
    meanType: 'epsilon',
    varianceType: 'fixed_small',
    rescaleTimesteps: false,
  } as const;
  const diffusion = createDiffusion(settings, String(STEPS));
  const config: SamplerConfig = {
    sampler: 'ddpm',
    eta: 0,
    clipDenoised: true,
    guidanceScale: SCALE,
    channels: 3,
    batch: 2,
  };
  const labels = [3, 8];
  const recorded = {
    noises: [] as number[],
    x_seq: [] as number[],
    pred_xstart: [] as number[],
    grad: [] as number[],
  };
  const outputs: Float32Array[] = [];
  const timesteps: number[] = [];
  let state = initSampler(diffusion, config, drawNoise([1, 2], SIZE / 2, 0));
  const xT = state.tensors.x;
  recorded.x_seq.push(...xT);
  while (!state.done) {
    const timestep = modelTimestep(diffusion, state.t);
    const input = { x: state.tensors.x, shape: SHAPE, timestep: Float32Array.of(timestep, timestep), labels };
    const evaluation = madeUpNetworks({ ...input, targets: labels });
    const noise = drawNoise([1, 2], SIZE / 2, state.step + 1);
    const result = stepSampler(diffusion, config, state, evaluation, noise);
    recorded.noises.push(...noise);
    recorded.pred_xstart.push(...result.predXStart);
    recorded.grad.push(...evaluation.gradient!.map((value) => value * SCALE));
    outputs.push(evaluation.modelOutput);
    timesteps.push(timestep, timestep);
    state = result.state;
    recorded.x_seq.push(...state.tensors.x);
  }
  const perStep = Object.entries(recorded).map(([name, values]) => [
    name,
    { shape: [values.length / SIZE, ...SHAPE], data: Float32Array.from(values) },
  ]);
  const bytes = toNHWC(toUint8(state.tensors.x), { channels: 3, height: 4, width: 4 });
  const arrays = {
    ...Object.fromEntries(perStep),
    x_T: { shape: SHAPE, data: xT },
    final: { shape: SHAPE, data: state.tensors.x },
    final_uint8_nhwc: { shape: [2, 4, 4, 3], data: bytes },
    y: { shape: [2], data: Int32Array.from(labels) },
    model_t: { shape: [STEPS, 2], data: Float32Array.from(timesteps) },
    model_output_first: { shape: SHAPE, data: outputs[0]! },
    model_output_mid: { shape: SHAPE, data: outputs[3]! },
    model_output_last: { shape: SHAPE, data: outputs.at(-1)! },
  };
  await writeFile(join(directory, 'loop_z.npz'), npzBytes(arrays));
  const loop = {
    file: 'loop_z.npz',
    sampler: 'p_sample_loop',
    noise_schedule: 'linear',
    diffusion_steps: 1000,
    timestep_respacing: String(STEPS),
    rescale_timesteps: false,
    model_mean_type: 'EPSILON',
    model_var_type: 'FIXED_SMALL',
    clip_denoised: true,
    classifier_scale: SCALE,
    model_checkpoint: 'u.pt',
    classifier_checkpoint: 'c.pt',
    timestep_map: diffusion.timestepMap,
    mid_index: 3,
  };
  await writeFile(join(directory, 'loops_index_z.json'), JSON.stringify({ loops: [loop] }));
}

let directory: string;
let closed: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-loops-'));
  closed = 0;
  await writeLoop(directory);
});
afterEach(() => rm(directory, { recursive: true }));

async function verifyWith(
  evaluate?: (input: LoopInput) => LoopEvaluation,
): Promise<Record<string, CheckResult>> {
  const loadNetworks: LoadNetworks | undefined =
    evaluate &&
    (async () => ({
      evaluate: async (input) => evaluate(input),
      close: async () => {
        closed++;
      },
    }));
  const results: Record<string, CheckResult> = {};
  for await (const result of verifyDirectory(directory, { loadNetworks })) results[result.file] = result;
  return results;
}

/** The made-up networks with every value of one answer changed. */
function changed(name: 'modelOutput' | 'gradient', change: (value: number) => number) {
  return (input: LoopInput): LoopEvaluation => {
    const evaluation = madeUpNetworks(input);
    return { ...evaluation, [name]: evaluation[name]?.map(change) ?? null };
  };
}

describe('golden loops', () => {
  it('pass with the networks that they were made with', async () => {
    const results = await verifyWith(madeUpNetworks);
    expect(Object.entries(results).map(([file, { status }]) => [file, status])).toEqual([
      ['loop_z.npz (core)', 'ok'],
      ['loop_z.npz (each step)', 'ok'],
      ['loop_z.npz (whole loop)', 'ok'],
    ]);
    expect(closed).toBe(1);
  });

  it('are checked without networks as far as that goes', async () => {
    const results = await verifyWith();
    expect(results['loop_z.npz (core)']?.status).toBe('ok');
    expect(results['loop_z.npz (networks)']?.status).toBe('not covered');
  });

  it.each([
    ['output', changed('modelOutput', (value) => value + 1e-3)],
    ['gradient of the wrong sign', changed('gradient', (value) => -value)],
    ['gradient 1 % too large', changed('gradient', (value) => value * 1.01)],
    ['NaN', changed('modelOutput', () => NaN)],
    [
      'timestep',
      (input: LoopInput) => madeUpNetworks({ ...input, timestep: input.timestep.map((t) => t + 1) }),
    ],
  ])('fail with networks of another %s', async (_, evaluate) => {
    const results = await verifyWith(evaluate);
    expect(results['loop_z.npz (core)']?.status).toBe('ok');
    expect(results['loop_z.npz (each step)']?.status).toBe('failed');
    expect(results['loop_z.npz (whole loop)']?.status).toBe('failed');
  });

  it('fail, and let go of the networks, when the networks throw', async () => {
    const results = await verifyWith(() => {
      throw new Error('the engine refused');
    });
    expect(results['loop_z.npz']).toMatchObject({ status: 'failed', detail: 'the engine refused' });
    expect(closed).toBe(1);
  });
});
