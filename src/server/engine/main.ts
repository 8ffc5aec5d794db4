/**
 * An engine process: the graphs of one model folder in onnxruntime, run on request. It is a process of its own because
 * onnxruntime-node computes on the calling thread and can't be interrupted, because ending a worker thread in the
 * middle of a run aborts the process, and because a fault in native code takes its whole process along.
 *
 * It is told what to do by the server that started it, and ends when that one is gone.
 */
import { viewBytes } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import { ProviderError } from './engine-error.ts';
import { bytesOf, EXCHANGE_FD, Exchange, endOf, type TensorPlace } from './exchange.ts';
import { readGraph } from './graph-file.ts';
import { imagesAtATime } from './in-parts.ts';
import type { FromEngine, GraphName, LoadMessage, RunMessage, ToEngine } from './messages.ts';
import { OnnxSession } from './onnx-session.ts';
import { endWithParent } from './orphan-watch.ts';

const exchange = new Exchange(EXCHANGE_FD);
const sessions = new Map<GraphName, OnnxSession>();

async function load({ folder, graphs, settings }: LoadMessage): Promise<FromEngine> {
  if (settings.provider !== 'cpu') {
    const { checkProvider } = await import('./provider.ts');
    await checkProvider(settings);
  }
  for (const { graph, file, signature } of graphs) {
    const source = await readGraph(folder, file);
    const most = imagesAtATime(file, settings);
    sessions.set(graph, await OnnxSession.open(source, signature, settings, most));
  }
  return { kind: 'loaded' };
}

/** What came last, by name. */
const received = new Map<string, NamedTensor>();

async function run({ graph, inputs, held, wanted }: RunMessage): Promise<FromEngine> {
  for (const tensor of await exchange.take(inputs, reusedRoom)) received.set(tensor.name, tensor);
  const tensors = [...inputs.map(({ name }) => name), ...held].map((name) => received.get(name)!);
  const outputs = await sessions.get(graph)!.run(tensors, wanted);
  return { kind: 'ran', outputs: await exchange.put(outputs, endOf(inputs)) };
}

const rooms = new Map<string, Uint8Array>();

/** Memory that the last run had: touching fresh pages takes longer than the copy into them. */
function reusedRoom(place: TensorPlace): NamedTensor['data'] {
  const { name, datatype } = place;
  const bytes = bytesOf(place);
  let room = rooms.get(name);
  if (room === undefined || room.byteLength < bytes) {
    room = new Uint8Array(bytes);
    rooms.set(name, room);
  }
  return viewBytes(datatype, room.subarray(0, bytes));
}

function failed(error: unknown, during: 'model' | 'run'): FromEngine {
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', reason, of: error instanceof ProviderError ? 'provider' : during };
}

process.on('message', async (message: ToEngine) => {
  const answer =
    message.kind === 'load'
      ? await load(message).catch((error: unknown) => failed(error, 'model'))
      : await run(message).catch((error: unknown) => failed(error, 'run'));
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
endWithParent();

// A terminal and a service manager signal the whole group; when to stop is for the server to say, after its last run.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
