/** Gradients of padding: what was made of the input's own elements goes back to them. */
import type { Value } from '../../graph/index.ts';
import type { GradientContext, GradientRule } from '../context.ts';

/** What Pad adds to one axis; negative counts crop. */
interface AxisPads {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

const pad: GradientRule = (n) => [
  () => {
    const mode = n.forward.string('mode', 'constant');
    const axes = padsOf(n);
    if (mode === 'constant') return cutOff(n, axes);
    return axes.reduceRight((dy, pads) => fold(n, dy, pads, mode), n.dy);
  },
];

function padsOf(n: GradientContext): readonly AxisPads[] {
  const { shape } = n.x();
  const pads = n.forward.intsFrom('pads', 1) ?? n.fail('its pads must be constant');
  const given = n.optional(3) ? n.forward.intsFrom('axes', 3)! : shape.map((_, axis) => axis);
  return given
    .map((axis, i) => ({
      axis: n.forward.normalize(axis, shape.length),
      before: pads[i]!,
      after: pads[i + given.length]!,
    }))
    .filter(({ before, after }) => before !== 0 || after !== 0);
}

/** Constants have no gradient: cut them off, and give zeros to what was cropped. */
function cutOff(n: GradientContext, axes: readonly AxisPads[]): Value {
  if (axes.length === 0) return n.dy;
  const { g } = n;
  if (axes.some(({ before, after }) => before < 0 || after < 0)) {
    const count = (read: (pads: AxisPads) => number) =>
      n
        .x()
        .shape.map((_, at) => -(axes.map((pads) => (pads.axis === at ? read(pads) : 0)).find(Boolean) ?? 0));
    const pads = [...count(({ before }) => before), ...count(({ after }) => after)].map((pad) => pad || 0);
    return n.op('Pad', n.dy, g.ints(pads), n.constant(0, n.dy.dtype));
  }
  const starts = axes.map(({ before }) => before);
  const ends = axes.map(({ after }) => (after === 0 ? 2 ** 31 - 1 : -after));
  return n.op('Slice', n.dy, g.ints(starts), g.ints(ends), g.ints(axes.map(({ axis }) => axis)));
}

/** One axis of a padding with the input's own elements: each margin is added to where it came from. */
function fold(n: GradientContext, dy: Value, { axis, before, after }: AxisPads, mode: string): Value {
  const size = n.x().shape[axis]!;
  if (typeof size !== 'number') return n.fail(`the size of axis ${axis} must be known before the graph runs`);
  if (before < 0 || after < 0) return n.fail(`mode "${mode}" with a negative pad is not supported`);
  const slice = (start: number, count: number) =>
    n.op('Slice', dy, n.g.ints([start]), n.g.ints([start + count]), n.g.ints([axis]));
  const margins = [
    { start: 0, count: before, target: { reflect: 1, edge: 0, wrap: size - before } },
    { start: before + size, count: after, target: { reflect: size - 1 - after, edge: size - 1, wrap: 0 } },
  ];
  let total = slice(before, size);
  for (const { start, count, target } of margins) {
    if (count === 0) continue;
    if (mode !== 'reflect' && mode !== 'edge' && mode !== 'wrap')
      return n.fail(`its mode "${mode}" is not known`);
    if (mode !== 'edge' && count > size) return n.fail(`a pad of ${count} is larger than axis ${axis}`);
    const margin = slice(start, count);
    const part = {
      reflect: () => reversed(n, margin, axis),
      edge: () => n.sum(margin, [axis]),
      wrap: () => margin,
    };
    const length = mode === 'edge' ? 1 : count;
    total = n.add(total, amongZeros(n, part[mode](), axis, target[mode], size - target[mode] - length));
  }
  return total;
}

function reversed(n: GradientContext, x: Value, axis: number): Value {
  return n.op('Slice', x, n.g.ints([-1]), n.g.ints([-(2 ** 31)]), n.g.ints([axis]), n.g.ints([-1]));
}

function amongZeros(n: GradientContext, x: Value, axis: number, before: number, after: number): Value {
  const at = (count: number) => x.shape.map((_, index) => (index === axis ? count : 0));
  return n.op('Pad', x, n.g.ints([...at(before), ...at(after)]), n.constant(0, x.dtype));
}

export const padding: Readonly<Record<string, GradientRule>> = { Pad: pad };
