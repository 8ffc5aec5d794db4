/** Joining rows of several requests' tensors into one batch, at the cost of one copy and, for a lone request, none. */
import { emptyData } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { TensorsByName } from '../model-runner.ts';

/** Neighbouring rows of a request's tensors. */
export interface RowRange {
  readonly inputs: TensorsByName;
  readonly from: number;
  readonly count: number;
}

/**
 * @param names inputs to join
 * @param ranges what the rows of the batch are, in this order; all of the same datatypes and row shapes
 * @param padTo rows to have at least; the first row is repeated
 * @returns by name `[rows, ...]`; a lone range that is all of its request is given as it is, without a copy
 */
export function joinRows(
  names: readonly string[],
  ranges: readonly RowRange[],
  padTo = 0,
): Map<string, NamedTensor> {
  const rows = ranges.reduce((sum, { count }) => sum + count, 0);
  const padding = Math.max(padTo - rows, 0);
  return new Map(
    names.map((name) => [
      name,
      joinTensor(
        ranges.map((range) => ({ ...range, tensor: range.inputs.get(name)! })),
        rows,
        padding,
      ),
    ]),
  );
}

function joinTensor(
  ranges: readonly (RowRange & { readonly tensor: NamedTensor })[],
  rows: number,
  padding: number,
): NamedTensor {
  const { tensor } = ranges[0]!;
  const stride = tensor.data.length / tensor.shape[0]!;
  const shape = [rows + padding, ...tensor.shape.slice(1)];
  const slice = ({ from, count, tensor: { data } }: (typeof ranges)[number]) =>
    data.subarray(from * stride, (from + count) * stride);
  if (ranges.length === 1 && padding === 0) {
    return rows === tensor.shape[0] ? tensor : { ...tensor, shape, data: slice(ranges[0]!) };
  }

  const joined = emptyData(tensor.datatype, (rows + padding) * stride);
  let at = 0;
  const put = (data: NamedTensor['data']) => {
    // All of the same datatype; TypeScript does not see that the two unions agree.
    (joined as Float32Array).set(data as Float32Array, at);
    at += data.length;
  };
  for (const range of ranges) put(slice(range));
  for (let i = 0; i < padding; i++) put(slice({ ...ranges[0]!, count: 1 }));
  return { ...tensor, shape, data: joined };
}

/** The runs of neighbours that a mask chooses from the rows `from` to `from + count`; all of them if it is null. */
export function chosenRanges(
  mask: Uint8Array | null,
  from: number,
  count: number,
): { from: number; count: number }[] {
  if (mask === null) return [{ from, count }];
  const ranges: { from: number; count: number }[] = [];
  for (let row = from; row < from + count; row++) {
    if (!mask[row]) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.from + last.count === row) last.count++;
    else ranges.push({ from: row, count: 1 });
  }
  return ranges;
}
