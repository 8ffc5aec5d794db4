/** onnxruntime-node alone, in a process of its own. Arguments: threads per run. */

import { type BareGraph, openGraph, runGraphs } from '../bare-graph.ts';
import type { GraphName } from '../bare-inputs.ts';
import { timePerCall } from '../interleave.ts';

export interface BareQuestion {
  /** Run one after another, as a guided step runs them. */
  readonly graphs: readonly GraphName[];
  readonly batch: number;
  readonly runs: number;
}

const threads = Number(process.argv[2]);
const graphs = new Map<string, BareGraph>();

/** Answers with the milliseconds per run. */
process.on('message', async ({ graphs: names, batch, runs }: BareQuestion) => {
  const wanted: BareGraph[] = [];
  for (const name of names) {
    const key = `${name} ${batch}`;
    const graph = graphs.get(key) ?? (await openGraph(name, batch, threads));
    graphs.set(key, graph);
    wanted.push(graph);
  }
  process.send!(await timePerCall(() => runGraphs(wanted), runs));
});
process.on('disconnect', () => process.exit());
process.send!('ready');
