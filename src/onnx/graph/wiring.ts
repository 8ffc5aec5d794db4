/** Whether the nodes of a graph that comes from a file fit together. */
import { describeNode, type Graph } from './graph.ts';

/**
 * Every value is given once, and before it is read: what ONNX demands of a graph, and what every pass over one relies
 * on.
 *
 * @throws {Error} naming the node and the value
 */
export function checkWiring(graph: Graph): void {
  const given = new Set([...graph.initializers.keys()]);
  for (const { name } of graph.inputs) {
    if (given.has(name)) throw new Error(`the ONNX model gives the value "${name}" twice`);
    given.add(name);
  }
  for (const node of graph.nodes) {
    const missing = node.inputs.find((name) => name !== '' && !given.has(name));
    if (missing !== undefined) {
      throw new Error(`${describeNode(node)} reads "${missing}", which nothing before it gives`);
    }
    for (const name of node.outputs) {
      if (name === '') continue;
      if (given.has(name)) throw new Error(`${describeNode(node)} gives "${name}", which is there already`);
      given.add(name);
    }
  }
  const absent = graph.outputs.find(({ name }) => !given.has(name));
  if (absent !== undefined) throw new Error(`nothing gives the output "${absent.name}" of the ONNX model`);
}
