/** Gives a classifier the interface of Cairn's own: float32 image `[N, C, H, W]`, float32 timestep `[N]`, float32 logits `[N, K]`. */

import type { AttributeInput } from '../graph/attribute.ts';
import { onnxCode } from '../graph/data-type.ts';
import type { DataType, Graph, GraphNode, Shape, Value } from '../graph/index.ts';
import { tensorFrom } from '../graph/index.ts';
import { addConstant, standardNode } from '../graph/rewrite.ts';
import { isColumn } from './classifier-interface.ts';
import type { ClassifierNames } from './gradient-graph.ts';

export interface AdaptedClassifier {
  readonly classifier: Graph;
  readonly names: ClassifierNames;
  /** What was put around the classifier, in words. */
  readonly notes: readonly string[];
}

/**
 * @param classifier a graph whose inputs and output are those that `names` has
 * @param channels of the image, where that is known
 */
export function adaptInterface(
  classifier: Graph,
  names: ClassifierNames,
  channels?: number,
): AdaptedClassifier {
  const graph: Graph = {
    ...classifier,
    initializers: new Map(classifier.initializers),
    values: new Map(classifier.values),
  };
  const notes: string[] = [];
  const front: GraphNode[] = [];
  const byName = (values: readonly Value[], name: string) => values.find((value) => value.name === name)!;

  /** Puts a node before an input, which takes the input's place with another type. */
  const before = (input: Value, type: { dtype?: DataType; shape?: Shape }, opType: string, rest: Extra) => {
    const outer: Value = { ...input, ...type, name: `${input.name}/${opType.toLowerCase()}` };
    front.unshift(nodeOf(graph, opType, outer.name, input.name, rest));
    graph.inputs = graph.inputs.map((value) => (value.name === input.name ? outer : value));
    graph.values.delete(input.name);
    graph.values.set(outer.name, outer);
    return outer;
  };

  let image = byName(graph.inputs, names.image);
  if (isChannelsLast(image.shape, channels)) {
    const [batch, height, width, last] = image.shape as [Shape[0], Shape[0], Shape[0], Shape[0]];
    const shape = [batch!, last!, height!, width!];
    image = before(image, { shape }, 'Transpose', { attributes: { perm: [0, 2, 3, 1] } });
    notes.push('the image has its channels last: x is transposed first');
  }
  if (image.dtype !== 'float32') {
    notes.push(`the image is ${image.dtype}: x is float32, and cast`);
    image = before(image, { dtype: 'float32' }, 'Cast', { attributes: { to: onnxCode(image.dtype) } });
  }

  let timestep = names.timestep === undefined ? undefined : byName(graph.inputs, names.timestep);
  if (timestep !== undefined && isColumn(timestep.shape)) {
    notes.push('the timestep is [N, 1]: it is reshaped from [N]');
    timestep = before(timestep, { shape: timestep.shape.slice(0, 1) }, 'Unsqueeze', { ints: [1] });
  }
  if (timestep !== undefined && timestep.dtype !== 'float32') {
    const whole = timestep.dtype.startsWith('int') ? ', which cuts fractions off' : '';
    notes.push(`the timestep is ${timestep.dtype}: it is cast from float32${whole}`);
    const to = onnxCode(timestep.dtype);
    timestep = before(timestep, { dtype: 'float32' }, 'Cast', { attributes: { to } });
  }

  let logits = byName(graph.outputs, names.logits);
  const back: GraphNode[] = [];
  const after = (opType: string, type: { dtype?: DataType; shape?: Shape }, rest: Extra) => {
    const outer: Value = { ...logits, ...type, name: `${logits.name}/${opType.toLowerCase()}` };
    back.push(nodeOf(graph, opType, logits.name, outer.name, rest));
    graph.outputs = [outer];
    logits = outer;
  };
  if (logits.shape.length > 2) {
    notes.push(`the logits have rank ${logits.shape.length}: the axes of size 1 are dropped`);
    const [batch, ...sizes] = logits.shape as [Shape[0], ...Shape];
    after('Flatten', { shape: [batch!, sizes.find((size) => size !== 1) ?? 1] }, {});
  }
  if (logits.dtype !== 'float32') {
    notes.push(`the logits are ${logits.dtype}: log_probs and target are float32`);
    after('Cast', { dtype: 'float32' }, { attributes: { to: onnxCode('float32') } });
  }
  graph.nodes = [...front, ...classifier.nodes, ...back];
  return {
    classifier: graph,
    names: {
      image: image.name,
      logits: logits.name,
      ...(timestep !== undefined && { timestep: timestep.name }),
    },
    notes,
  };
}

const COLOURS: readonly unknown[] = [1, 3, 4];

/** `[N, H, W, C]`: the last axis has as many entries as an image has colours, and the second has not. */
function isChannelsLast(shape: Shape, channels: number | undefined): boolean {
  // An image for another model has neither; its own shape is what the error about that should say.
  const colours = channels !== undefined && [shape[1], shape[3]].includes(channels) ? [channels] : COLOURS;
  return colours.includes(shape[3]) && !colours.includes(shape[1]);
}

interface Extra {
  readonly attributes?: AttributeInput;
  /** A second, constant input. */
  readonly ints?: readonly number[];
}

function nodeOf(graph: Graph, opType: string, from: string, to: string, extra: Extra): GraphNode {
  const name = `interface/${opType}/${to}`;
  const inputs = [from];
  if (extra.ints !== undefined) {
    inputs.push(addConstant(graph, `${name}/axes`, tensorFrom('int64', [extra.ints.length], extra.ints)));
  }
  return standardNode(opType, inputs, [to], extra.attributes, name);
}
