/** A graph of the benchmark's model in onnxruntime-node, with its inputs ready: nothing of Cairn runs around it. */
import { readFile } from 'node:fs/promises';
import { findModel } from '../models/registry.ts';
import { InferenceSession, Tensor } from '../onnx/onnxruntime.ts';
import { bareInputs, type GraphName } from './bare-inputs.ts';
import { MODEL } from './sample-spec.ts';

export interface BareGraph {
  readonly session: InferenceSession;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly wanted: readonly string[];
}

export async function openGraph(name: GraphName, batch: number, threads: number): Promise<BareGraph> {
  const manifest = findModel(MODEL)!;
  const file = new URL(`../../models/${MODEL}/${manifest.graphs[name]!.file}`, import.meta.url);
  const session = await InferenceSession.create(await readFile(file), { intraOpNumThreads: threads });
  const { inputs, wanted } = bareInputs(manifest, batch, name);
  const feeds = inputs.map(
    ({ name: input, data, shape }) => [input, new Tensor('float32', data, shape)] as const,
  );
  return { session, feeds: Object.fromEntries(feeds), wanted };
}

/** One after another, as a guided step does. */
export async function runGraphs(graphs: readonly BareGraph[]): Promise<void> {
  for (const { session, feeds, wanted } of graphs) await session.run(feeds, wanted);
}
