/** Shape of Resize: sizes given outright, or scales as constants. */
import { type Dim, multiplyDims } from '../graph/dim.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';

/** The scale of each axis, 1 on axes that stay; `undefined` where the node gives sizes instead. */
export function resizeScales(node: NodeContext): readonly number[] | undefined {
  if (node.optional(2) === undefined) return undefined;
  const scales = node.known(2);
  if (!scales?.every((scale) => typeof scale === 'number') || scales.length === 0) return undefined;
  const axes = node.ints('axes');
  if (axes === undefined) return scales;
  const { shape } = node.input(0);
  const all = shape.map(() => 1);
  axes.forEach((axis, index) => {
    all[node.normalize(axis, shape.length)] = scales[index]!;
  });
  return all;
}

const resize: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const scales = resizeScales(node);
  if (scales !== undefined)
    return like(
      node,
      shape.map((dim, axis) => scaleDim(node, dim, scales[axis]!)),
    );
  if (node.optional(3) === undefined) return node.fail('its scales must be constant');
  const sizes = node.dims(3);
  if (sizes === undefined) return like(node, node.unknownShape(shape.length));
  const axes = node.ints('axes');
  if (axes === undefined) return like(node, sizes);
  const result = [...shape];
  axes.forEach((axis, index) => {
    result[node.normalize(axis, shape.length)] = sizes[index]!;
  });
  return like(node, result);
};

function scaleDim(node: NodeContext, dim: Dim, scale: number): Dim {
  // In float32, as engines do: 3 * (5 / 3) is 5 there, and less than 5 in double precision.
  if (typeof dim === 'number') return Math.floor(Math.fround(dim * scale));
  return Number.isInteger(scale) ? multiplyDims([dim, scale]) : node.freshDim();
}

export const resizing: Readonly<Record<string, ShapeRule>> = { Resize: resize };
