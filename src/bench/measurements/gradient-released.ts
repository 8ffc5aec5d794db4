import { allocatorEnvironment } from '../../server/engine/allocator-environment.ts';
import type { SessionSettings } from '../../server/engine/session-settings.ts';
import { interleave } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { type Child, startChild } from '../processes/child.ts';
import type { GraphAnswer, GraphQuestion } from '../processes/graph-session.ts';
import { type BenchGraph, type ReleasedClassifier, writeReleasedClassifier } from '../released-classifier.ts';
import { compare } from '../statistics.ts';

interface Case {
  readonly batch: number;
  readonly rounds: number;
  /** The batch in one run, where an engine takes it apart. */
  readonly whole: boolean;
}

const CASES: readonly Case[] = [
  { batch: 1, rounds: 15, whole: false },
  { batch: 8, rounds: 5, whole: false },
  { batch: 8, rounds: 5, whole: true },
];

/** As `cairn serve --threads 1` opens a graph. */
const ENGINE = { provider: 'cpu', device: 0, threads: 1, arena: true } as const satisfies SessionSettings;

/** The first runs also ask the system for memory, which the arena keeps: a quarter of their time at a batch of 8. */
const WARM_UPS = 2;

export const gradientReleased: Measurement = {
  name: 'gradient-released',
  title: 'The gradient of a released classifier',
  method: `The architecture of 64x64_classifier.pt with random weights: its gradient graph against its forward pass alone,
each in a process of its own, in onnxruntime-node on one thread, opened and run as an engine of \`cairn serve\` does it:
a batch of 8 is computed image by image. The last two rows have the 8 images in one run instead, which has no aim. Time is
taken from the third run on, when the arena has its memory. Memory is the most that the process ever had, weights and
their loading among it, less what it had with nothing loaded. What the time is made of, batch 1, the least of 25 runs of
each node in onnxruntime's own profile on one core of an AMD EPYC with AVX-512: the forward pass takes 170 ms
(convolutions 131, attention's products 24), the backward convolutions 130, attention's backward products 47: these alone
are 2.04 times the forward pass. Norms and SiLU are 24 ms more, attention weights computed again 12 (to keep them costs
about as much, and 17 MB for each image in each of four layers), copies into the layout of convolutions and out of it 4,
the gradient of softmax 4.`,
  async run({ quick, onProgress }) {
    onProgress('writing the graphs');
    await using files = await writeReleasedClassifier('imagenet-64');
    const rows: Row[] = [];
    for (const one of CASES) {
      onProgress(nameOf(one));
      rows.push(...(await rowsOf(files, one, quick ? 1 : one.rounds)));
    }
    return rows;
  },
};

async function rowsOf(files: ReleasedClassifier, one: Case, rounds: number): Promise<Row[]> {
  await using gradient = await open(files.gradient, one);
  await using classifier = await open(files.classifier, one);
  const peaks = { ours: 0, floor: 0 };
  const side = (name: 'ours' | 'floor', child: Child) => async () => {
    const { ms, peakMB } = (await child.ask(1)) as GraphAnswer;
    peaks[name] = peakMB;
    return ms;
  };
  const times = await interleave(
    { ours: side('ours', gradient), floor: side('floor', classifier) },
    rounds,
    WARM_UPS,
  );
  const floorIs = 'forward alone';
  const aim = (atMost: number) => (one.whole ? {} : { aim: { on: 'ratio', atMost } as const });
  return [
    { name: nameOf(one), unit: 'ms', floorIs, ...compare(times.ours, times.floor), ...aim(2.2) },
    {
      name: `memory of the ${nameOf(one)}`,
      unit: 'MB',
      floorIs,
      ...compare([peaks.ours], [peaks.floor]),
      ...aim(2.5),
    },
  ];
}

function nameOf({ batch, whole }: Case): string {
  return `gradient, 64x64 classifier, batch ${batch}${whole ? ' in one run' : ''}`;
}

function open(graph: BenchGraph, { batch, whole }: Case): Promise<Child> {
  const question: GraphQuestion = { graph, batch, settings: ENGINE, whole };
  return startChild('graph-session.ts', [JSON.stringify(question)], allocatorEnvironment([graph.file]));
}
