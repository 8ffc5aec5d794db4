/** What a gradient rule sees of the node it differentiates, and short ways to emit arithmetic. */

import { isStatic, sameShape } from '../graph/dim.ts';
import type { DataType, GraphBuilder, GraphNode, Shape, Value } from '../graph/index.ts';
import type { NodeContext } from '../shapes/context.ts';

/**
 * The gradient with respect to one input: given at once, or computed only if that input lies on the path to the
 * image. `undefined` where the rule has none.
 *
 * Its shape may still have the axes that the forward operator broadcast, or ones along axes where it is constant: the
 * walker sums or expands it to the input's shape.
 */
export type InputGradient = Value | (() => Value) | undefined;

/** One gradient per input of the node, in order. */
export type GradientRule = (node: GradientContext) => readonly InputGradient[];

export class GradientContext {
  readonly g: GraphBuilder;
  readonly node: GraphNode;
  /** The forward node as shape inference sees it: attributes with their defaults, axes, windows. */
  readonly forward: NodeContext;
  readonly #lookup: (name: string) => Value | undefined;
  readonly #gradients: readonly (Value | undefined)[];

  constructor(
    g: GraphBuilder,
    forward: NodeContext,
    lookup: (name: string) => Value | undefined,
    gradients: readonly (Value | undefined)[],
  ) {
    this.g = g;
    this.forward = forward;
    this.node = forward.node;
    this.#lookup = lookup;
    this.#gradients = gradients;
  }

  /** An input of the forward node. */
  x(index = 0): Value {
    return this.optional(index) ?? this.fail(`input ${index} is missing`);
  }

  optional(index: number): Value | undefined {
    const name = this.node.inputs[index] ?? '';
    return name === '' ? undefined : this.#lookup(name);
  }

  /** An output of the forward node, there to be used again. */
  y(index = 0): Value {
    return this.#lookup(this.node.outputs[index] ?? '') ?? this.fail(`output ${index} is missing`);
  }

  /** The gradient with respect to the first output, of its shape. */
  get dy(): Value {
    return this.#gradients[0] ?? this.fail('its first output has no gradient');
  }

  /** The gradient with respect to an output; `undefined` for one that does not reach the logits. */
  dyOf(index: number): Value | undefined {
    return this.#gradients[index];
  }

  op(opType: string, ...inputs: readonly (Value | undefined)[]): Value {
    return this.g.op(opType, inputs);
  }

  mul(a: Value, b: Value | number): Value {
    return this.op('Mul', a, this.operand(b, a));
  }

  div(a: Value, b: Value | number): Value {
    return this.op('Div', a, this.operand(b, a));
  }

  add(a: Value, b: Value | number): Value {
    return this.op('Add', a, this.operand(b, a));
  }

  sub(a: Value, b: Value | number): Value {
    return this.op('Sub', a, this.operand(b, a));
  }

  /** condition ? a : b, element by element. */
  where(condition: Value, a: Value | number, b: Value | number): Value {
    const { dtype } = this.dy;
    return this.op('Where', condition, this.constant(a, dtype), this.constant(b, dtype));
  }

  /** Comparison with a value or a number: `Greater`, `Less`, `Equal`, ... */
  compare(opType: string, a: Value, b: Value | number): Value {
    return this.op(opType, a, this.operand(b, a));
  }

  sum(x: Value, axes: readonly number[]): Value {
    return this.g.reduce('ReduceSum', x, axes);
  }

  mean(x: Value, axes: readonly number[]): Value {
    return this.g.reduce('ReduceMean', x, axes);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    return this.g.op('Transpose', [x], { perm });
  }

  /** Swaps the last two axes; undoes an earlier swap instead of adding a second one. */
  transposeMatrix(x: Value): Value {
    return this.untransposed(x) ?? this.transpose(x, swapLast(x.shape.length));
  }

  /** The transpose of a matrix, if the graph has it already. */
  existingTranspose(x: Value): Value | undefined {
    return this.g.existing('Transpose', [x], { perm: swapLast(x.shape.length) });
  }

  /** The matrix whose transpose x is; `undefined` if x is no transpose. */
  untransposed(x: Value): Value | undefined {
    const producer = this.g.producerOf(x);
    const perm = producer?.opType === 'Transpose' ? producer.attributes.perm : undefined;
    const swap = swapLast(x.shape.length);
    if (perm?.type !== 'ints' || !perm.value.every((axis, at) => axis === swap[at])) return undefined;
    return this.g.value(producer!.inputs[0]!);
  }

  /** `x` in the shape of `model`, which has as many elements. */
  reshapeLike(x: Value, model: Value): Value {
    if (sameShape(x.shape, model.shape)) return x;
    const before = this.g.producerOf(x);
    // Only the last of several reshapes counts.
    if (before?.opType === 'Reshape') return this.reshapeLike(this.g.value(before.inputs[0]!), model);
    return this.op('Reshape', x, this.shapeOf(model));
  }

  /** A target for Reshape: constant while at most one size is unknown, else read off when the graph runs. */
  shapeOf(model: Value): Value {
    const unknown = model.shape.filter((dim) => typeof dim !== 'number').length;
    if (unknown > 1 || (unknown === 1 && model.shape.includes(0))) return this.op('Shape', model);
    return this.g.ints(model.shape.map((dim) => (typeof dim === 'number' ? dim : -1)));
  }

  /** The sizes of a value as an int64 tensor, for Expand and ConstantOfShape. */
  sizesOf(model: Value): Value {
    return isStatic(model.shape) ? this.g.ints(model.shape) : this.op('Shape', model);
  }

  zerosLike(model: Value): Value {
    return this.op('Expand', this.constant(0, model.dtype), this.sizesOf(model));
  }

  /** Known sizes, or an error that says what needs them. */
  staticSizes(shape: Shape, what: string): readonly number[] {
    return isStatic(shape) ? shape : this.fail(`${what} must be known before the graph runs`);
  }

  constant(value: Value | number, dtype: DataType): Value {
    return typeof value === 'number' ? this.g.constant(value, dtype) : value;
  }

  /** @throws {Error} naming the node and the types of its inputs */
  fail(problem: string): never {
    return this.forward.fail(`can't be differentiated: ${problem}`);
  }

  private operand(value: Value | number, partner: Value): Value {
    return this.constant(value, partner.dtype);
  }
}

/** The permutation that swaps the last two axes. */
function swapLast(rank: number): readonly number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return [...axes.slice(0, -2), rank - 1, rank - 2];
}
