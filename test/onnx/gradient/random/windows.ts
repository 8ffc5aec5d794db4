/** Convolutions and pools. */
import fc from 'fast-check';
import type { AttributeInput, GraphBuilder, Value } from '../../../../src/onnx/graph/index.ts';
import { autoPad, type Cases, image, int, pads, weights } from './generators.ts';

interface WindowChoice {
  readonly size: readonly number[];
  readonly kernel_shape: readonly number[];
  readonly attributes: AttributeInput;
}

/** A window that fits into the image, in one to three spatial dimensions. */
function windows({ dilated = true, maxRank = 2, autoPads = true } = {}): fc.Arbitrary<WindowChoice> {
  return int(1, maxRank)
    .chain((rank) =>
      fc.record({
        size: fc.array(int(3, 6), { minLength: rank, maxLength: rank }),
        kernel_shape: fc.array(int(1, 3), { minLength: rank, maxLength: rank }),
        strides: fc.array(int(1, 3), { minLength: rank, maxLength: rank }),
        dilations: dilated
          ? fc.array(int(1, 2), { minLength: rank, maxLength: rank })
          : fc.constant(undefined),
        pads: pads(2 * rank, 2),
        auto_pad: autoPads ? autoPad : fc.constant('NOTSET'),
      }),
    )
    .map(({ size, kernel_shape, strides, dilations, pads, auto_pad }) => {
      const explicit = auto_pad === 'NOTSET';
      // onnxruntime has SAME without dilations and with strides up to the kernel only.
      const same = auto_pad.startsWith('SAME');
      const rank = size.length;
      // A pool's window must not lie in the padding alone.
      const smaller = pads.map((pad, i) => Math.min(pad, kernel_shape[i % rank]! - 1));
      return {
        size,
        kernel_shape,
        attributes: {
          kernel_shape,
          strides: same ? strides.map((stride, axis) => Math.min(stride, kernel_shape[axis]!)) : strides,
          dilations: same ? undefined : dilations,
          auto_pad: explicit ? undefined : auto_pad,
          pads: explicit ? smaller : undefined,
        },
      };
    })
    .filter(({ size, kernel_shape, attributes }) =>
      kernel_shape.every((length, axis) => {
        const dilation = (attributes.dilations as number[] | undefined)?.[axis] ?? 1;
        return (length - 1) * dilation + 1 <= size[axis]!;
      }),
    );
}

const conv: Cases = fc
  .record({
    window: windows({ maxRank: 3 }),
    group: int(1, 2),
    // Up to three channels take another way than more do.
    inputs: fc.constantFrom(1, 2, 4),
    outputs: int(1, 2),
    bias: fc.boolean(),
  })
  .map(({ window: { size, kernel_shape, attributes }, group, inputs, outputs, bias }) => ({
    shape: [1, inputs * group, ...size.map((s) => (size.length === 3 ? Math.min(s, 5) : s))],
    build: (g, x) =>
      g.op(
        'Conv',
        [
          x,
          weights(g, x, [outputs * group, inputs, ...kernel_shape]),
          ...(bias ? [weights(g, x, [outputs * group])] : []),
        ],
        { ...attributes, group },
      ),
  }));

const convTranspose: Cases = fc
  .record({
    rank: int(1, 2),
    sizes: fc.tuple(int(2, 4), int(2, 4)),
    kernel: fc.tuple(int(2, 4), int(2, 4)),
    stride: fc.tuple(int(1, 2), int(1, 2)),
    dilation: fc.tuple(int(1, 2), int(1, 2)),
    pads: pads(4, 1),
    extra: fc.tuple(int(0, 1), int(0, 1)),
    group: int(1, 2),
    form: fc.constantFrom('pads', 'output_shape', 'SAME_UPPER', 'SAME_LOWER'),
  })
  .map((choice) => {
    const cut = (list: readonly number[]) => list.slice(0, choice.rank);
    const [size, kernel, strides, dilations] = [
      choice.sizes,
      choice.kernel,
      choice.stride,
      choice.dilation,
    ].map(cut) as [number[], number[], number[], number[]];
    const begin = cut(choice.pads.slice(0, 2));
    const end = cut(choice.pads.slice(2));
    const outputPadding = cut(choice.extra).map((extra, axis) => Math.min(extra, strides[axis]! - 1));
    const reach = kernel.map((length, axis) => (length - 1) * dilations[axis]! + 1);
    const output = size.map((s, axis) => strides[axis]! * (s - 1) + reach[axis]! - begin[axis]! - end[axis]!);
    const forms: Record<string, AttributeInput> = {
      pads: { pads: [...begin, ...end], output_padding: outputPadding },
      output_shape: { output_shape: output },
      SAME_UPPER: { auto_pad: 'SAME_UPPER' },
      SAME_LOWER: { auto_pad: 'SAME_LOWER' },
    };
    return {
      shape: [1, 2 * choice.group, ...size],
      build: (g: GraphBuilder, x: Value) =>
        g.op('ConvTranspose', [x, weights(g, x, [2 * choice.group, 2, ...kernel])], {
          kernel_shape: kernel,
          strides,
          dilations,
          group: choice.group,
          ...forms[choice.form],
        }),
    };
  });

const pool = (opType: string, opset: number, more: fc.Arbitrary<AttributeInput>): Cases =>
  fc
    .record({ window: windows({ dilated: opset >= 19 || opType === 'MaxPool' }), more, channels: int(1, 2) })
    .map(({ window, more, channels }) => ({
      shape: [1, channels, ...window.size],
      opset,
      // The engine rounds sizes up only where pads are given.
      build: (g, x) =>
        g.op(opType, [x], {
          ...window.attributes,
          ...more,
          ...(window.attributes.auto_pad !== undefined && { ceil_mode: 0 }),
        }),
    }));

export const windowCases: Readonly<Record<string, Cases>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('MaxPool', 17, fc.record({ ceil_mode: int(0, 1) })),
  AveragePool: fc.oneof(
    pool('AveragePool', 17, fc.record({ ceil_mode: int(0, 1), count_include_pad: int(0, 1) })),
    pool('AveragePool', 19, fc.record({ count_include_pad: int(0, 1) })),
  ),
  GlobalAveragePool: image().map((shape) => ({ shape, build: (g, x) => g.op('GlobalAveragePool', [x]) })),
  GlobalMaxPool: image().map((shape) => ({ shape, build: (g, x) => g.op('GlobalMaxPool', [x]) })),
};
