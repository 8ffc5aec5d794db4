/** One classifier or gradient graph in a process of its own. Arguments: file, batch, and the engine's settings. */
import { InferenceSession, Tensor } from '../../onnx/onnxruntime.ts';
import { type SessionSettings, sessionOptions } from '../../server/engine/session-settings.ts';
import { timePerCall } from '../interleave.ts';

export interface GraphAnswer {
  /** Milliseconds per run. */
  readonly ms: number;
  /** The most memory that this process ever had, in MB, less what it had before it loaded the graph. */
  readonly peakMB: number;
}

const [file, batchText, settings] = process.argv.slice(2) as [string, string, string];
const batch = Number(batchText);
const before = process.memoryUsage().rss;
const session = await InferenceSession.create(file, sessionOptions(JSON.parse(settings) as SessionSettings));
const feeds = Object.fromEntries(
  session.inputMetadata.map((input) => {
    if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
    const shape = input.shape.map((size, axis) => (axis === 0 ? batch : Number(size)));
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    return [input.name, new Tensor('float32', data, shape)];
  }),
);
const wanted = session.outputNames.filter((name) => name !== 'log_probs');

/** Asked with a number of runs. */
process.on('message', async (runs: number) => {
  const ms = await timePerCall(() => session.run(feeds, wanted), runs);
  const peakMB = (process.resourceUsage().maxRSS * 1024 - before) / 1e6;
  process.send!({ ms, peakMB } satisfies GraphAnswer);
});
process.on('disconnect', () => process.exit());
process.send!('ready');
