import type { TensorsByName } from '../model-runner.ts';
import type { GraphPart } from './options.ts';
import type { PendingRequest, Work } from './pending-request.ts';
import { chosenRanges, joinRows, type RowRange } from './rows.ts';

/** Images of one request that are in a batch. */
export interface Member {
  readonly request: PendingRequest;
  readonly from: number;
  readonly count: number;
}

/**
 * Runs each graph on those images of the batch that want it, the diffusion model first, and hands the rows out. A
 * request that needs no more is answered at once, while the next graph runs. If a graph fails on images of several
 * requests, it runs on each request's own, so that only the one that it can't run on fails.
 *
 * @param parts the model's graphs in the order in which they run
 * @param padTo rows that each graph gets at least; 0 for as many as there are
 * @returns the errors that requests failed with, and whether each graph ran once, as it should
 */
export async function runBatch(
  parts: readonly GraphPart[],
  members: readonly Member[],
  padTo: number,
): Promise<{ errors: readonly unknown[]; smooth: boolean }> {
  const errors: unknown[] = [];
  let smooth = true;
  const fail = ({ request }: Member, error: unknown) => {
    if (request.settled) return;
    request.fail(error);
    errors.push(error);
  };
  let before: Joined | null = null;
  for (const part of parts) {
    const involved = members.filter((member) => rangesOf(part, member).length > 0);
    try {
      before = await runPart(part, involved, padTo, before);
    } catch (error) {
      smooth = false;
      before = null;
      if (involved.length === 1) fail(involved[0]!, error);
      else for (const one of involved) await runPart(part, [one], padTo, null).catch((own) => fail(one, own));
    }
  }
  return { errors, smooth };
}

interface Range extends RowRange {
  readonly request: PendingRequest;
  readonly work: Work;
}

/** What a graph was given. */
interface Joined {
  readonly ranges: readonly Range[];
  readonly inputs: TensorsByName;
}

/** @param before what the graph before was given: inputs that both take are the same tensors, if the rows are the same */
async function runPart(
  part: GraphPart,
  members: readonly Member[],
  padTo: number,
  before: Joined | null,
): Promise<Joined | null> {
  const ranges = members.flatMap((member) => rangesOf(part, member));
  if (ranges.length === 0) return before;
  const wanted = part.signature.outputs
    .map(({ name }) => name)
    .filter((name) => ranges.some(({ work }) => work.outputs.some((output) => output.name === name)));
  const there: TensorsByName = before !== null && sameRows(before.ranges, ranges) ? before.inputs : new Map();
  const names = part.signature.inputs.map(({ name }) => name);
  const missing = names.filter((name) => !there.has(name));
  const inputs = new Map([...there, ...joinRows(missing, ranges, padTo)]);
  const rows = inputs.values().next().value?.shape[0];
  const results = await part.graph.run(inputs, wanted);
  for (const { name, shape } of results) {
    if (shape[0] !== rows) throw new Error(`output "${name}" has shape [${shape}] for a batch of ${rows}`);
  }
  let at = 0;
  for (const { request, work, from, count } of ranges) {
    request.take(work, from, count, results, at);
    at += count;
  }
  return { ranges, inputs };
}

function sameRows(a: readonly Range[], b: readonly Range[]): boolean {
  const same = (one: Range, other: Range | undefined) =>
    one.request === other?.request && one.from === other.from && one.count === other.count;
  return a.length === b.length && a.every((range, i) => same(range, b[i]));
}

function rangesOf(part: GraphPart, { request, from, count }: Member): Range[] {
  // Its client has left, or a graph before this one failed on it.
  if (request.settled) return [];
  const work = request.work.find((one) => one.part === part);
  if (work === undefined) return [];
  return chosenRanges(work.mask, from, count).map((range) => ({
    ...range,
    request,
    work,
    inputs: request.inputs,
  }));
}
