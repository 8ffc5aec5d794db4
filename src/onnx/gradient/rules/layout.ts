/** Gradients of operators that move elements: move them back. */
import type { Value } from '../../graph/index.ts';
import { permutationOf, splitSizes } from '../../shapes/layout.ts';
import type { GradientRule } from '../context.ts';

const reshape: GradientRule = (n) => [() => n.reshapeLike(n.dy, n.x())];

const transpose: GradientRule = (n) => {
  const perm = permutationOf(n.forward);
  return [
    () =>
      n.transpose(
        n.dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
  ];
};

const concat: GradientRule = (n) => {
  const axis = n.forward.axis('axis', 0, n.y().shape.length);
  const inputs = n.node.inputs.map((_, index) => n.x(index));
  if (inputs.length === 1) return [n.dy];
  const parts = () => {
    const sizes = n.staticSizes(
      inputs.map(({ shape }) => shape[axis]!),
      `the sizes along axis ${axis}`,
    );
    return n.g.ops('Split', [n.dy, n.g.ints(sizes)], { axis }, inputs.length);
  };
  return inputs.map((_, index) => () => parts()[index]!);
};

const split: GradientRule = (n) => {
  const axis = n.forward.axis('axis', 0, n.x().shape.length);
  const count = splitSizes(n.forward, n.x().shape[axis]!).length;
  const part = (index: number): Value => n.dyOf(index) ?? n.zerosLike(n.y(index));
  return [
    () =>
      n.g.op(
        'Concat',
        Array.from({ length: count }, (_, index) => part(index)),
        { axis },
      ),
  ];
};

/** The walker sums over whatever was repeated. */
const expand: GradientRule = (n) => [n.dy];

/** Each axis apart into repetitions and elements, then summed over the repetitions. */
const tile: GradientRule = (n) => [
  () => {
    const repeats = n.forward.dims(1);
    if (!repeats?.every((count) => typeof count === 'number')) return n.fail('its repeats must be constant');
    const sizes = n.x().shape;
    const target = sizes.flatMap((size, axis) => (repeats[axis] === 1 ? [size] : [repeats[axis]!, size]));
    const open = target.filter((size) => typeof size !== 'number').length;
    if (open > 1) return n.fail('at most one size may be open');
    const parted = n.op(
      'Reshape',
      n.dy,
      n.g.ints(target.map((size) => (typeof size === 'number' ? size : -1))),
    );
    const axes = sizes.flatMap((_, axis) =>
      repeats[axis] === 1 ? [] : [axis + repeats.slice(0, axis).filter((count) => count !== 1).length],
    );
    return axes.length === 0 ? n.dy : n.g.reduce('ReduceSum', parted, axes, false);
  },
];

const depthToSpace: GradientRule = (n) => [
  () => {
    const block = n.forward.int('blocksize', 1);
    if (n.forward.string('mode', 'DCR') === 'DCR')
      return n.g.op('SpaceToDepth', [n.dy], { blocksize: block });
    const [, channels, height, width] = n.staticSizes(n.x().shape.with(0, 0), 'its sizes after the batch');
    const parted = n.op(
      'Reshape',
      n.dy,
      n.g.ints([0, channels! / block ** 2, height!, block, width!, block]),
    );
    return n.reshapeLike(n.transpose(parted, [0, 1, 3, 5, 2, 4]), n.x());
  },
];

export const layout: Readonly<Record<string, GradientRule>> = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: (n) => [
    () => n.g.op('DepthToSpace', [n.dy], { blocksize: n.forward.int('blocksize', 1), mode: 'DCR' }),
  ],
};
