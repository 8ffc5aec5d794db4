import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheapGraphs } from '../bare-cheap-graphs.ts';
import { writeCheapModel } from '../cheap-model.ts';
import { cpuTimeMs } from '../cpu-time.ts';
import { interleave, type Sample, timePerCall } from '../interleave.ts';
import type { Measurement, MeasureOptions, Row } from '../measurement.ts';
import { type Child, startChild } from '../processes/child.ts';
import { startServerProcess } from '../server-process.ts';
import { compare } from '../statistics.ts';
import { openStepClient, type StepShape } from '../step-client.ts';

const THREADS = 1;
const WARM_UPS = 2;
/** On a slow machine, fewer rounds. */
const WITHIN_MS = 60_000;
const CASES = [
  { size: '48 KB', model: 'cheap-64', side: 64, calls: 100, rounds: 21 },
  { size: '3 MB', model: 'cheap-512', side: 512, calls: 8, rounds: 21 },
] as const;

type Case = (typeof CASES)[number];

interface Servers {
  readonly cairn: Child;
  /** A Node HTTP server that reads the request and answers zeros that lie ready. */
  readonly plain: Child;
  /** The same bytes straight on TCP. */
  readonly tcp: Child;
}

export const serverOverhead: Measurement = {
  name: 'server-overhead',
  title: 'What the inference server adds to a step',
  method: `A guided step of one image over HTTP to \`cairn serve\`, against onnxruntime-node alone on the same graphs, which
do next to nothing: x goes there, three times as much comes back. The difference has HTTP, the queue, the way to the
engine's process and back, and this client's share. "plain HTTP" is the same exchange of bytes with a Node server that
reads the request and answers zeros that lie ready, "bare TCP" the same without HTTP. "copies" is how long copying every
byte of request and answer once takes: the speed of memory in the same run. The aim of twice the copies is below what
loopback alone takes: the system copies each byte into its buffers and out of them and changes between two processes
all the way. The last row has that floor in Node, where this ran several times the copies; how many depends on the
machine and on what else it does. Rows of processor time count the server's processes alone, not this client, and are
what to compare on a machine that does other things too.`,
  async run(options) {
    const modelsDir = await mkdtemp(join(tmpdir(), 'cairn-bench-models-'));
    try {
      for (const one of CASES) await writeCheapModel(modelsDir, shapeOf(one));
      await using cairn = await startServerProcess({ threads: THREADS, modelsDir });
      await using plain = await startChild('instant-backend.ts');
      await using tcp = await startChild('byte-exchange.ts');
      const rows: Row[] = [];
      for (const one of CASES) rows.push(...(await measure(one, { cairn, plain, tcp }, options)));
      return rows;
    } finally {
      await rm(modelsDir, { recursive: true });
    }
  },
};

function shapeOf({ model, side }: Case): StepShape {
  return { model, image: [3, side, side], classes: 10 };
}

async function measure(
  one: Case,
  { cairn, plain, tcp }: Servers,
  { quick, onProgress }: MeasureOptions,
): Promise<Row[]> {
  const { size, calls, rounds } = one;
  onProgress(size);
  const shape = shapeOf(one);
  const step = { images: 1, owner: 'bench' };
  const clients = [cairn, plain, tcp].map(({ ready }) => openStepClient(ready as string, shape));
  const [ours, http, socket] = clients.map((client) => () => timePerCall(() => client.step(step), calls)) as [
    Sample,
    Sample,
    Sample,
  ];
  const bare = await openCheapGraphs(shape, THREADS);
  const copy = copyOfAll(4 * shape.image.reduce((a, b) => a * b));
  const cpu = { cairn: [] as number[], plain: [] as number[] };
  const taken = await interleave(
    {
      ours: withCpuTime(ours, cairn.pid, calls, cpu.cairn),
      bare: () => timePerCall(bare, calls),
      plain: withCpuTime(http, plain.pid, calls, cpu.plain),
      tcp: socket,
      copies: () => timePerCall(copy, calls),
    },
    quick ? 2 : rounds,
    WARM_UPS,
    WITHIN_MS,
  );
  for (const client of clients) client.close();

  const added = taken.ours.map((ms, round) => ms - taken.bare[round]!);
  const ofRounds = (values: number[]) => values.slice(WARM_UPS);
  const small = size === '48 KB';
  return [
    {
      ...{ name: `step, ${size}`, unit: 'ms', floorIs: 'onnxruntime-node alone' },
      ...compare(taken.ours, taken.bare),
      ...(small && { aim: { on: 'difference', atMost: 1.5 } as const }),
    },
    { ...row(`added to a step, ${size}`, 'plain HTTP'), ...compare(added, taken.plain) },
    { ...row(`added to a step, ${size}`, 'bare TCP'), ...compare(added, taken.tcp) },
    ...(cpu.cairn.length === 0
      ? []
      : [
          {
            ...row(`processor time of server and engine, ${size}`, "plain HTTP server's"),
            ...compare(ofRounds(cpu.cairn), ofRounds(cpu.plain)),
          },
        ]),
    ...(small
      ? []
      : [
          {
            ...row(`added to a step, ${size}`, 'copies'),
            ...compare(added, taken.copies),
            aim: { on: 'ratio', atMost: 2 } as const,
          },
          { ...row(`bare TCP, ${size}`, 'copies'), ...compare(taken.tcp, taken.copies) },
        ]),
  ];
}

function row(name: string, floorIs: string) {
  return { name, unit: 'ms', floorIs } as const;
}

/** Also notes how much processor time a process took for each call, where the system tells. */
function withCpuTime(sample: Sample, pid: number, calls: number, into: number[]): Sample {
  return async () => {
    const before = await cpuTimeMs(pid);
    const value = await sample();
    const after = await cpuTimeMs(pid);
    if (before !== null && after !== null) into.push((after - before) / calls);
    return value;
  };
}

/** Copies x, and three times as much, between arrays that are there already. */
function copyOfAll(bytes: number): () => void {
  const from = new Uint8Array(4 * bytes).fill(1);
  const to = new Uint8Array(4 * bytes);
  return () => to.set(from);
}
