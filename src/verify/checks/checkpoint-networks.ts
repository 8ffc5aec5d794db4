import { z } from 'zod';
import { openCheckpoint } from '../../onnx/checkpoint/checkpoint.ts';
import { type CheckInput, type CheckKind, hasKeys } from '../contract.ts';
import { folderOf } from '../directory.ts';
import type { Drift } from '../drift.ts';
import type { Npz } from '../npz.ts';
import { type CheckResult, Comparison, guarded, largestDifference, largestMagnitude } from '../result.ts';
import { compareBlocks, fingerprintSchema } from './blocks.ts';
import { compareFacts, compareValues } from './state-dicts.ts';

const index = z.looseObject({
  class: z.string(),
  constructor_arguments: z.record(z.string(), z.unknown()),
  checkpoint: z.string().optional(),
  io: z.string().optional(),
  values: z.string().optional(),
  num_parameters: z.int().optional(),
  activation_fingerprints: z.array(fingerprintSchema).optional(),
  state_dict: z.array(
    z.looseObject({
      name: z.string(),
      shape: z.array(z.int()),
      dtype: z.string().optional(),
      sum: z.number().optional(),
      abs_sum: z.number().optional(),
    }),
  ),
});
type Facts = z.infer<typeof index>;

/** A network beside its constructor's arguments: its tensors, and what it answers on given inputs. */
export const checkpointNetworks: CheckKind = {
  name: 'checkpoint',
  recognises: (content) => hasKeys(content, 'class', 'constructor_arguments', 'state_dict'),
  async *run(input) {
    const facts = index.parse(input.content);
    const checkpoint = fileOf(input, facts.checkpoint, '.pt');
    if (!checkpoint) throw new Error('its checkpoint is not there');
    yield* guarded(checkpoint, () => checkTensors(input, facts, checkpoint));
    const io = fileOf(input, facts.io, '_io.npz');
    if (io) yield* guarded(io, () => checkAnswers(input, facts, checkpoint, io));
  },
};

/** The file that the index names, or the one with the index's own name; claimed. */
function fileOf({ directory, path }: CheckInput, named: string | undefined, ending: string) {
  const stem = path.replace(/\.json$/, '');
  const candidates = [...(named === undefined ? [] : [folderOf(path) + named]), stem + ending];
  const file = candidates.find((candidate) => directory.has(candidate));
  if (file !== undefined) directory.claim(file);
  return file;
}

async function* checkTensors(input: CheckInput, facts: Facts, file: string): AsyncGenerator<CheckResult> {
  const comparison = new Comparison();
  await using checkpoint = await openCheckpoint(input.directory.absolute(file));
  compareFacts(comparison, checkpoint, facts.state_dict);
  const values = facts.values === undefined ? undefined : fileOf(input, facts.values, '_values.npz');
  if (values !== undefined) compareValues(comparison, checkpoint, await input.directory.npz(values));
  if (facts.num_parameters !== undefined) {
    const sizes = [...checkpoint.tensors.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    comparison.same(
      'parameters',
      sizes.reduce((a, b) => a + b, 0),
      facts.num_parameters,
    );
  }
  yield comparison.result(file);
}

async function* checkAnswers(
  { directory, drift, loadNetworks }: CheckInput,
  facts: Facts,
  checkpoint: string,
  file: string,
): AsyncGenerator<CheckResult> {
  if (!loadNetworks) {
    const detail = 'no engine was given to run the checkpoints';
    yield { file, cases: 0, maxError: 0, tolerance: 0, status: 'not covered', detail };
    return;
  }
  const { evaluateBlocks, evaluateNetwork } = await import('../onnx-networks.ts');
  const npz = await directory.npz(file);
  const path = directory.absolute(checkpoint);
  const answers = await evaluateNetwork(path, facts, npz);
  const comparison = new Comparison();
  const modules = (facts.activation_fingerprints ?? []).map(({ module }) => module);
  compareBlocks(comparison, facts, await evaluateBlocks(path, facts, npz, modules), npz);
  const errors: Record<string, number> = {};
  for (const [name, { dims, data }] of answers) {
    const expected = npz.float32(name);
    errors[name] = largestDifference(data, expected) / largestMagnitude(expected);
    comparison.same(`shape of ${name}`, dims, npz.array(name).shape);
    comparison.close(name, data, expected, toleranceOf(drift, checkpoint, name, npz));
  }
  yield { ...comparison.result(file), network: { architecture: facts.class, errors } };
}

/** Two float32 kernels disagree this much where another two disagreed as the drift file says. */
const MARGIN = 4;
/** Without a drift file: what float32 networks usually differ by, relative to the largest value. */
const NETWORK_TOLERANCE = 1e-5;

function toleranceOf({ checkpoint_io }: Drift, checkpoint: string, name: string, npz: Npz): number {
  const stem = checkpoint.slice(folderOf(checkpoint).length).replace(/\.pt$/, '');
  const known = checkpoint_io?.[stem];
  const drift = name === 'grad' ? known?.grad : (known?.output ?? known?.logits);
  const largest = largestMagnitude(npz.float32(name));
  // Half a unit in the last place of the largest value is in every float32 answer.
  return drift === undefined ? NETWORK_TOLERANCE * largest : MARGIN * Math.max(drift, largest * 2 ** -24);
}
