/** Operators that the standard has withdrawn, in the words of the operators that took their place. */
import type { Attributes } from './attribute.ts';
import type { Graph, GraphNode } from './graph.ts';
import { addConstant } from './rewrite.ts';
import { tensorFrom } from './tensor.ts';

/** Upsample went with operator set 10, and some exporters still write it; Resize with these attributes is the same. */
export function withoutDeprecated(graph: Graph): Graph {
  if (!graph.nodes.some(isUpsample)) return graph;
  const modern: Graph = {
    ...graph,
    initializers: new Map(graph.initializers),
    values: new Map(graph.values),
  };
  modern.nodes = graph.nodes.map((node) => (isUpsample(node) ? toResize(node, modern) : node));
  return modern;
}

function isUpsample({ opType, domain }: GraphNode): boolean {
  return opType === 'Upsample' && domain === '';
}

function toResize(node: GraphNode, graph: Graph): GraphNode {
  const { mode, scales } = node.attributes;
  const text = (value: string) => ({ type: 'string', value }) as const;
  const attributes: Attributes = {
    mode:
      mode?.type === 'string' && mode.value !== 'bilinear'
        ? mode
        : text(mode === undefined ? 'nearest' : 'linear'),
    coordinate_transformation_mode: text('asymmetric'),
    nearest_mode: text('floor'),
  };
  let factors = node.inputs[1] ?? '';
  if (factors === '' && scales?.type === 'floats') {
    const constant = tensorFrom('float32', [scales.value.length], scales.value);
    factors = addConstant(graph, `${node.name}/scales`, constant);
  }
  return { ...node, opType: 'Resize', inputs: [node.inputs[0]!, '', factors], attributes };
}
