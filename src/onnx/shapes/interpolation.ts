/** Resize as the linear map that it is: along each axis a matrix from input to output pixels (ONNX specification of Resize). */
import type { NodeContext } from './context.ts';
import { resizeScales } from './resize.ts';

const f32 = Math.fround;

/** Row i holds the weights with which the input's elements enter element i of the output. */
export type Weights = readonly (readonly number[])[];

/**
 * The map along one axis.
 *
 * @param sizes of the axis before and after
 * @throws {Error} naming the node, for what has no fixed weights (`tf_crop_and_resize`) or is not supported
 */
export function interpolationWeights(
  node: NodeContext,
  axis: number,
  [before, after]: readonly [number, number],
): Weights {
  const mode = node.string('mode', 'nearest');
  const coordinates = node.string('coordinate_transformation_mode', 'half_pixel');
  if (node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    return node.fail('keep_aspect_ratio_policy is not supported');
  }
  const scale = f32(resizeScales(node)?.[axis] ?? after / before);
  if (node.int('antialias', 0) === 1) return node.fail('antialias is not supported');
  const kernel = kernelOf(node, mode);
  return Array.from({ length: after }, (_, output) => {
    const at = position(node, coordinates, { output, scale, before, after });
    const weights = Array.from({ length: before }, () => 0);
    if (kernel === undefined) {
      weights[clampTo(before, roundTo(node, at))]! += 1;
      return weights;
    }
    const { reach, weight } = kernel;
    const first = Math.ceil(at - reach);
    const taps = Array.from({ length: Math.floor(at + reach) - first + 1 }, (_, k) => first + k);
    const inside = node.int('exclude_outside', 0) === 1;
    const used = inside ? taps.filter((tap) => tap >= 0 && tap < before) : taps;
    const values = used.map((tap) => weight(tap - at));
    const total = values.reduce((sum, value) => sum + value, 0);
    used.forEach((tap, k) => {
      weights[clampTo(before, tap)]! += values[k]! / total;
    });
    return weights;
  });
}

function clampTo(size: number, index: number): number {
  return Math.min(Math.max(index, 0), size - 1);
}

interface Place {
  readonly output: number;
  readonly scale: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Where an output pixel lies among the input pixels. In float32 step by step, as engines compute it: where a
 * coordinate falls between two pixels, the last bit decides which is nearest.
 */
function position(node: NodeContext, mode: string, { output, scale, before, after }: Place): number {
  const halfPixel = () => f32(f32((output + 0.5) / scale) - 0.5);
  switch (mode) {
    case 'asymmetric':
      return f32(output / scale);
    case 'half_pixel':
      return halfPixel();
    case 'pytorch_half_pixel':
      return after > 1 ? halfPixel() : 0;
    case 'align_corners':
      return after === 1 ? 0 : f32((output * (before - 1)) / (after - 1));
    case 'half_pixel_symmetric':
      return f32((before / 2) * (1 - after / (scale * before)) + halfPixel());
    default:
      return node.fail(`coordinate_transformation_mode "${mode}" is not supported`);
  }
}

function roundTo(node: NodeContext, at: number): number {
  const mode = node.string('nearest_mode', 'round_prefer_floor');
  switch (mode) {
    case 'round_prefer_floor':
      return Math.ceil(at - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(at + 0.5);
    case 'floor':
      return Math.floor(at);
    case 'ceil':
      return Math.ceil(at);
    default:
      return node.fail(`nearest_mode "${mode}" is not known`);
  }
}

interface Kernel {
  /** Weights are zero from this distance on. */
  readonly reach: number;
  readonly weight: (distance: number) => number;
}

/** `undefined` for nearest. */
function kernelOf(node: NodeContext, mode: string): Kernel | undefined {
  if (mode === 'nearest') return undefined;
  if (mode === 'linear') return { reach: 1, weight: (d) => Math.max(0, 1 - Math.abs(d)) };
  if (mode !== 'cubic') return node.fail(`mode "${mode}" is not known`);
  const a = node.float('cubic_coeff_a', -0.75);
  const weight = (distance: number) => {
    const d = Math.abs(distance);
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
  };
  return { reach: 2, weight };
}
