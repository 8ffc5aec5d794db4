import { ALLOCATOR_ENVIRONMENT } from '../../server/engine/allocator-environment.ts';
import type { SessionSettings } from '../../server/engine/session-settings.ts';
import { interleave } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { type Child, startChild } from '../processes/child.ts';
import type { GraphAnswer } from '../processes/graph-session.ts';
import { type ReleasedClassifier, writeReleasedClassifier } from '../released-classifier.ts';
import { compare } from '../statistics.ts';

const CASES = [
  { batch: 1, rounds: 7 },
  { batch: 8, rounds: 3 },
];

/** As `cairn serve --threads 1` opens a graph. */
const ENGINE = { provider: 'cpu', device: 0, threads: 1, arena: true } as const satisfies SessionSettings;

/** The first runs also ask the system for memory, which the arena keeps: a quarter of their time at a batch of 8. */
const WARM_UPS = 2;

export const gradientReleased: Measurement = {
  name: 'gradient-released',
  title: 'The gradient of a released classifier',
  method: `The architecture of 64x64_classifier.pt with random weights: its gradient graph against its forward pass alone,
each in a process of its own, in onnxruntime-node on one thread, opened as an engine of \`cairn serve\` opens it. Time is
taken from the third run on, when the arena has its memory. Memory is the most that the process ever had, weights and
their loading among it, less what it had with nothing loaded; with --no-arena, because the arena rounds up. What the time
is made of, batch 1, the least of 12 runs of each node in onnxruntime's own profile on one core of an AMD EPYC: the forward
pass takes 380 ms (convolutions 298, attention's products 55), the backward convolutions 297, attention's backward products
120 (109 if they were as fast as the forward ones). These alone are 2.10 times the forward pass. Attention weights computed
again are 21 ms more, which spares 16.8 MB for each image in each of three layers; the gradient of softmax 8, norms and
SiLU 28, copies into the layout of convolutions and out of it 6. With the weights kept the time would be about 2.22 times
the forward pass, and memory at batch 8 three times. Of the memory, the tensors of a run are 93 MB for each image where the
backward pass begins (31 forward alone), the weights 470 MB (237: backward convolutions have their own layout).`,
  async run({ quick, onProgress }) {
    onProgress('writing the graphs');
    await using files = await writeReleasedClassifier('imagenet-64');
    const rows: Row[] = [];
    for (const { batch, rounds } of CASES) {
      onProgress(`batch ${batch}`);
      rows.push(await timeRow(files, batch, quick ? 1 : rounds));
      onProgress(`batch ${batch}, memory`);
      rows.push(await memoryRow(files, batch));
    }
    return rows;
  },
};

async function timeRow(files: ReleasedClassifier, batch: number, rounds: number): Promise<Row> {
  await using gradient = await open(files.gradient, batch, ENGINE);
  await using classifier = await open(files.classifier, batch, ENGINE);
  const times = await interleave(
    { ours: async () => (await run(gradient)).ms, floor: async () => (await run(classifier)).ms },
    rounds,
    WARM_UPS,
  );
  return {
    name: `gradient, 64x64 classifier, batch ${batch}`,
    unit: 'ms',
    floorIs: 'forward alone',
    ...compare(times.ours, times.floor),
    aim: { on: 'ratio', atMost: 2.2 },
  };
}

/** One after the other: together they might not fit. */
async function memoryRow(files: ReleasedClassifier, batch: number): Promise<Row> {
  const peak = async (file: string): Promise<number> => {
    await using child = await open(file, batch, { ...ENGINE, arena: false });
    for (let i = 0; i < WARM_UPS; i++) await run(child);
    return (await run(child)).peakMB;
  };
  const [ours, floor] = [await peak(files.gradient), await peak(files.classifier)];
  return {
    name: `memory of the gradient, 64x64 classifier, batch ${batch}`,
    unit: 'MB',
    floorIs: 'forward alone',
    ...compare([ours], [floor]),
    aim: { on: 'ratio', atMost: 2.5 },
  };
}

function open(file: string, batch: number, settings: SessionSettings): Promise<Child> {
  return startChild(
    'graph-session.ts',
    [file, String(batch), JSON.stringify(settings)],
    ALLOCATOR_ENVIRONMENT,
  );
}

async function run(child: Child): Promise<GraphAnswer> {
  return (await child.ask(1)) as GraphAnswer;
}
