/** One classifier or gradient graph in a process of its own, run as an engine of `cairn serve` runs it. */
import { elementCount } from '../../inference/oip/datatype.ts';
import { readGraph } from '../../server/engine/graph-file.ts';
import { imagesAtATime } from '../../server/engine/in-parts.ts';
import { OnnxSession } from '../../server/engine/onnx-session.ts';
import type { SessionSettings } from '../../server/engine/session-settings.ts';
import { timePerCall } from '../interleave.ts';
import type { BenchGraph } from '../released-classifier.ts';

/** What the process is told, as JSON in its only argument. */
export interface GraphQuestion {
  readonly graph: BenchGraph;
  readonly batch: number;
  readonly settings: SessionSettings;
  /** The batch in one run, where an engine would take it apart. */
  readonly whole: boolean;
}

export interface GraphAnswer {
  /** Milliseconds per run. */
  readonly ms: number;
  /** The most memory that this process ever had, in MB, less what it had before it loaded the graph. */
  readonly peakMB: number;
}

const { graph, batch, settings, whole } = JSON.parse(process.argv[2]!) as GraphQuestion;
const { folder, file, signature } = graph;
const before = process.memoryUsage().rss;
const most = whole ? Infinity : imagesAtATime(file, settings);
const session = await OnnxSession.open(await readGraph(folder, file), signature, settings, most);
const inputs = signature.inputs.map((input) => {
  const shape = input.shape.map((size) => (size === -1 ? batch : size));
  const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i));
  return { ...input, shape, data };
});
const wanted = signature.outputs.map(({ name }) => name).filter((name) => name !== 'log_probs');

/** Asked with a number of runs. */
process.on('message', async (runs: number) => {
  const ms = await timePerCall(() => session.run(inputs, wanted), runs);
  const peakMB = (process.resourceUsage().maxRSS * 1024 - before) / 1e6;
  process.send!({ ms, peakMB } satisfies GraphAnswer);
});
process.on('disconnect', () => process.exit());
process.send!('ready');
