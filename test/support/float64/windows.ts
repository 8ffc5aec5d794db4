/** Convolutions and pools: what slides over the spatial axes of `[N, C, D1, D2, ...]`. */
import { type Array64, generate, indicesOf, offsetOf, sizeOf, stridesOf, zeros } from './array64.ts';
import type { Node64, Operator64 } from './node64.ts';

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

function windowOf(node: Node64, kernel: readonly number[], spatial: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  const strides = node.ints('strides') ?? ones;
  const dilations = node.ints('dilations') ?? ones;
  const auto = node.text('auto_pad', 'NOTSET');
  const explicit = (auto === 'NOTSET' && node.ints('pads')) || [...ones, ...ones].map(() => 0);
  if (!auto.startsWith('SAME')) {
    const rank = kernel.length;
    return { kernel, strides, dilations, begin: explicit.slice(0, rank), end: explicit.slice(rank) };
  }
  const totals = kernel.map((size, axis) => {
    const outputs = Math.ceil(spatial[axis]! / strides[axis]!);
    return Math.max(0, (outputs - 1) * strides[axis]! + (size - 1) * dilations[axis]! + 1 - spatial[axis]!);
  });
  return { kernel, strides, dilations, ...splitPads(totals, auto === 'SAME_UPPER') };
}

/** An odd one goes to the end, or to the beginning. */
function splitPads(totals: readonly number[], upper: boolean): Pick<Window, 'begin' | 'end'> {
  const smaller = totals.map((total) => Math.floor(total / 2));
  const larger = totals.map((total) => Math.ceil(total / 2));
  return upper ? { begin: smaller, end: larger } : { begin: larger, end: smaller };
}

function slides(
  { kernel, strides, dilations, begin, end }: Window,
  spatial: readonly number[],
  ceil = false,
): number[] {
  return spatial.map((size, axis) => {
    const room = size + begin[axis]! + end[axis]! - (kernel[axis]! - 1) * dilations[axis]! - 1;
    const count = (ceil ? Math.ceil : Math.floor)(room / strides[axis]!) + 1;
    const startsInEnd = ceil && (count - 1) * strides[axis]! >= size + begin[axis]!;
    return startsInEnd ? count - 1 : count;
  });
}

/** A tap of the window at one place: which element of the kernel lies on which element of the image. */
interface Tap {
  readonly kernel: number;
  readonly image: number;
}

/** Of each place of the window, the taps within the image. */
function tapsOf(window: Window, places: readonly number[], spatial: readonly number[]): Tap[][] {
  const [strides, kernelStrides] = [stridesOf(spatial), stridesOf(window.kernel)];
  return Array.from(indicesOf(places), (place) => {
    const from = place.map((at, axis) => at * window.strides[axis]! - window.begin[axis]!);
    const taps: Tap[] = [];
    for (const index of indicesOf(window.kernel)) {
      const at = index.map((k, axis) => from[axis]! + k * window.dilations[axis]!);
      if (at.some((i, axis) => i < 0 || i >= spatial[axis]!)) continue;
      taps.push({ kernel: offsetOf(kernelStrides, index), image: offsetOf(strides, at) });
    }
    return taps;
  });
}

/** Where one channel's image or kernel begins in the data, by batch or output and by channel. */
const channel = ({ dims, data }: Array64, first: number, second: number): Float64Array => {
  const size = sizeOf(dims.slice(2));
  const start = (first * dims[1]! + second) * size;
  return data.subarray(start, start + size);
};

function conv(node: Node64): Array64 {
  const [x, w, bias] = [node.x(0), node.x(1), node.inputs[2]];
  const [batch, , ...spatial] = x.dims as [number, number, ...number[]];
  const [outputs, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
  const window = windowOf(node, kernel, spatial);
  const places = slides(window, spatial);
  const taps = tapsOf(window, places, spatial);
  const y = zeros([batch, outputs, ...places]);
  const groups = node.number('group', 1);
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      const target = channel(y, n, o).fill(bias?.data[o] ?? 0);
      const group = Math.floor(o / (outputs / groups));
      for (let c = 0; c < perGroup; c++) {
        const [image, weights] = [channel(x, n, group * perGroup + c), channel(w, o, c)];
        taps.forEach((each, place) => {
          for (const tap of each) target[place]! += image[tap.image]! * weights[tap.kernel]!;
        });
      }
    }
  }
  return y;
}

/** Each element of x adds its multiple of the kernel to the output. */
function convTranspose(node: Node64): Array64 {
  const [x, w, bias] = [node.x(0), node.x(1), node.inputs[2]];
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const [, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
  const { window, sizes } = transposedWindow(node, kernel, spatial);
  const taps = tapsOf(window, spatial, sizes);
  const groups = node.number('group', 1);
  const y = zeros([batch, perGroup * groups, ...sizes]);
  for (let n = 0; n < batch; n++) {
    if (bias) for (let o = 0; o < perGroup * groups; o++) channel(y, n, o).fill(bias.data[o]!);
    for (let c = 0; c < channels; c++) {
      const group = Math.floor(c / (channels / groups));
      for (let o = 0; o < perGroup; o++) {
        const [image, weights] = [channel(x, n, c), channel(w, c, o)];
        const target = channel(y, n, group * perGroup + o);
        taps.forEach((each, place) => {
          for (const tap of each) target[tap.image]! += image[place]! * weights[tap.kernel]!;
        });
      }
    }
  }
  return y;
}

/** The pads of a transposed convolution follow from the size of its output where that is given. */
function transposedWindow(node: Node64, kernel: readonly number[], spatial: readonly number[]) {
  const auto = node.text('auto_pad', 'NOTSET');
  const strides = node.ints('strides') ?? kernel.map(() => 1);
  const dilations = node.ints('dilations') ?? kernel.map(() => 1);
  const extra = node.ints('output_padding') ?? kernel.map(() => 0);
  const full = spatial.map(
    (size, axis) => strides[axis]! * (size - 1) + extra[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1,
  );
  const asked =
    node.ints('output_shape')?.slice(-kernel.length) ??
    (auto.startsWith('SAME') ? spatial.map((size, axis) => size * strides[axis]!) : undefined);
  const pads = asked
    ? splitPads(
        full.map((size, axis) => size - asked[axis]!),
        auto === 'SAME_UPPER',
      )
    : windowOf(node, kernel, spatial);
  const { begin, end } = pads;
  return {
    window: { kernel, strides, dilations, begin, end },
    sizes: asked ?? full.map((size, axis) => size - begin[axis]! - end[axis]!),
  };
}

function averagePool(node: Node64): Array64 {
  const x = node.x();
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const window = windowOf(node, node.ints('kernel_shape')!, spatial);
  const places = slides(window, spatial, node.number('ceil_mode', 0) === 1);
  const taps = tapsOf(window, places, spatial);
  // Of what lies in the image or, if they count, in the pads; a window that was rounded up may reach further.
  const padded = spatial.map((size, axis) => size + window.begin[axis]! + window.end[axis]!);
  const inPads = { ...window, begin: window.begin.map(() => 0) };
  const counted = node.number('count_include_pad', 0) === 1 ? tapsOf(inPads, places, padded) : taps;
  const y = zeros([batch, channels, ...places]);
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const [image, target] = [channel(x, n, c), channel(y, n, c)];
      taps.forEach((each, place) => {
        for (const tap of each) target[place]! += image[tap.image]! / counted[place]!.length;
      });
    }
  }
  return y;
}

/** Without the indices. */
function maxPool(node: Node64): Array64 {
  const x = node.x();
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const window = windowOf(node, node.ints('kernel_shape')!, spatial);
  const places = slides(window, spatial, node.number('ceil_mode', 0) === 1);
  const taps = tapsOf(window, places, spatial);
  const y = zeros([batch, channels, ...places]);
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const [image, target] = [channel(x, n, c), channel(y, n, c)];
      taps.forEach((each, place) => {
        target[place] = Math.max(...each.map((tap) => image[tap.image]!));
      });
    }
  }
  return y;
}

const globalPool =
  (pool: (values: Float64Array) => number): Operator64 =>
  (node) => {
    const x = node.x();
    const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
    return generate([batch, channels, ...spatial.map(() => 1)], ([n, c]) => pool(channel(x, n!, c!)));
  };

export const windows: Readonly<Record<string, Operator64>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  AveragePool: averagePool,
  MaxPool: maxPool,
  GlobalAveragePool: globalPool((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  GlobalMaxPool: globalPool((values) => Math.max(...values)),
};
