/** Reverse-mode differentiation over an ONNX graph: the walker that applies the rules. */
import { describeNode, type ExtendedGraph, type GraphNode, type Value } from '../graph/index.ts';
import type { NodeContext } from '../shapes/context.ts';
import { compositeGradients } from './composites.ts';
import { GradientContext } from './context.ts';
import { valuesOnPath } from './path.ts';
import { gradientRule } from './registry.ts';
import { fitToShape } from './unbroadcast.ts';

export interface ReverseModeOptions {
  /** The graph so far, which the backward pass is added to. */
  readonly extended: ExtendedGraph;
  readonly contextOf: (node: GraphNode) => NodeContext;
  /** The value to differentiate. */
  readonly output: Value;
  /** Gradient with respect to `output`, of its shape. */
  readonly seed: Value;
  /** What to differentiate with respect to. */
  readonly input: Value;
}

/**
 * Adds the backward pass for one input, along the path from the output to it and nowhere else.
 *
 * @returns the gradient with respect to `input`, of its shape
 * @throws {Error} if the path leads through an operator without a gradient rule, or does not exist
 */
export function differentiate({ extended, contextOf, output, seed, input }: ReverseModeOptions): Value {
  const { builder: g, nodes, lookup } = extended;
  const onPath = valuesOnPath(nodes, input, lookup);
  const adjoints = new Map<string, Value>([[output.name, seed]]);

  const accumulate = (target: Value, gradient: Value) => {
    const before = adjoints.get(target.name);
    const fitted = fitToShape(g, gradient, target);
    adjoints.set(target.name, before === undefined ? fitted : g.op('Add', [before, fitted]));
  };

  for (const node of nodes.toReversed()) {
    const gradients = node.outputs.map((name) => {
      const value = name === '' ? undefined : lookup(name);
      return value && onPath.has(value.name) ? adjoints.get(value.name) : undefined;
    });
    if (gradients.every((gradient) => gradient === undefined)) continue;
    const full = gradients.map(
      (gradient, index) => gradient && g.expandLike(gradient, lookup(node.outputs[index]!)!),
    );
    g.scope(`gradient/${node.name}`, () => {
      const context = new GradientContext(g, contextOf(node), lookup, full);
      for (const { target, gradient } of contributions(context, onPath)) accumulate(target, gradient());
    });
  }

  const result = adjoints.get(input.name);
  if (result === undefined) throw new Error(`${output.name} does not depend on ${input.name} differentiably`);
  return g.expandLike(result, input);
}

interface Contribution {
  readonly target: Value;
  readonly gradient: () => Value;
}

/** What one node adds to the gradients of its inputs on the path. */
function contributions(context: GradientContext, onPath: ReadonlySet<string>): Contribution[] {
  const composite = compositeGradients(context);
  if (composite !== undefined) {
    return composite
      .filter(({ input }) => onPath.has(input.name))
      .map(({ input, gradient }) => ({ target: input, gradient }));
  }
  const { node } = context;
  const rule = node.domain === '' ? gradientRule(node.opType) : undefined;
  if (rule === undefined || rule === 'none') {
    throw new Error(
      `${describeNode(node)}: no gradient rule for operator ${node.opType}; ` +
        'add a row to a table in src/onnx/gradient/rules',
    );
  }
  const gradients = rule(context);
  return node.inputs.flatMap((name, index) => {
    if (!onPath.has(name)) return [];
    const gradient = gradients[index];
    if (gradient === undefined) {
      const sameValueBefore = node.inputs.indexOf(name) < index;
      return sameValueBefore
        ? []
        : context.fail(`no gradient is known with respect to input ${index}, "${name}"`);
    }
    return [
      { target: context.x(index), gradient: typeof gradient === 'function' ? gradient : () => gradient },
    ];
  });
}
