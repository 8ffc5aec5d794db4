import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { elements, parseModel } from '../../../src/onnx/graph/index.ts';
import { inferShapes } from '../../../src/onnx/shapes/infer.ts';
import { run } from '../run-graph.ts';

const INT64_MAX = 2n ** 63n - 1n;

type NodeInit = {
  name?: string;
  opType: string;
  domain?: string;
  input?: string[];
  output?: string[];
  attribute?: object[];
};
const float = (name: string, dims: bigint[]) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: DataType.FLOAT,
        shape: { dim: dims.map((value) => ({ value: { case: 'dimValue' as const, value } })) },
      },
    },
  },
});

/** x [2] -> the nodes -> y [2]. */
const model = (nodes: NodeInit[], initializer: object[] = [], input = float('x', [2n])): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: [{ domain: '', version: 17n }],
      graph: { name: 'g', input: [input], output: [float('y', [2n])], node: nodes, initializer },
    } as Parameters<typeof create<typeof ModelProtoSchema>>[1]),
  );
const identity = { opType: 'Identity', input: ['x'], output: ['y'] };

describe('64-bit integers keep every bit', () => {
  it('in the typed field of a constant', () => {
    const ends = { name: 'ends', dataType: DataType.INT64, dims: [2n], int64Data: [INT64_MAX, -1n] };
    const graph = parseModel(model([identity], [ends]));
    expect(elements(graph.initializers.get('ends')!)).toEqual(BigInt64Array.of(INT64_MAX, -1n));
  });

  it('in the attributes of a Constant node', () => {
    const attribute = [{ name: 'value_ints', type: AttributeType.INTS, ints: [INT64_MAX] }];
    const graph = parseModel(model([{ opType: 'Constant', output: ['end'], attribute }, identity]));
    expect(elements(graph.initializers.get('end')!)).toEqual(BigInt64Array.of(INT64_MAX));
  });
});

describe('a graph that does not fit together is refused', () => {
  const constant = (extra: object) => ({ name: 'c', dataType: DataType.FLOAT, ...extra });
  it.each([
    ['a value read before it is there', [{ ...identity, input: ['z'] }], [], 'reads "z", which nothing'],
    ['a value given twice', [identity, identity], [], 'gives "y", which is there already'],
    ['an output that nothing gives', [{ ...identity, output: ['z'] }], [], 'nothing gives the output "y"'],
    [
      'a Constant without an output',
      [{ opType: 'Constant' }, identity],
      [],
      'Constant node "" has no output',
    ],
    [
      'a tensor attribute without a tensor',
      [{ ...identity, attribute: [{ name: 'value', type: AttributeType.TENSOR }] }],
      [],
      'attribute value of node "Identity/y" holds no tensor',
    ],
    [
      'negative dimensions, though their product is right',
      [identity],
      [constant({ dims: [-1n, -1n], floatData: [1] })],
      'constant c has dimensions [-1,-1]',
    ],
  ])('%s', (_, nodes, constants, message) => {
    expect(() => parseModel(model(nodes, constants))).toThrow(message);
  });

  it('a negative size of an input', () => {
    expect(() => parseModel(model([identity], [], float('x', [-3n])))).toThrow(
      'input x has size -3 along axis 0',
    );
  });
});

it('tells many nodes of one name apart, in no time', () => {
  const nodes = Array.from({ length: 30_000 }, (_, i) => ({
    name: 'node',
    opType: 'Identity',
    input: ['x'],
    output: [i === 0 ? 'y' : `y${i}`],
  }));
  const graph = parseModel(model(nodes));
  expect(new Set(graph.nodes.map(({ name }) => name)).size).toBe(30_000);
  expect(graph.nodes[2]!.name).toBe('node_3');
}, 5_000);

describe('an If node whose condition follows from sizes', () => {
  const ints = (name: string, int64Data: bigint[]) => ({
    name,
    dataType: DataType.INT64,
    dims: [BigInt(int64Data.length)],
    int64Data,
  });
  const branch = (name: string, node: NodeInit[], output: string, initializer: object[] = []) => ({
    name,
    type: AttributeType.GRAPH,
    g: { name, node, output: [{ name: output }], initializer },
  });
  const doubled = { opType: 'Add', input: ['x', 'x'], output: ['doubled'] };
  const scaled = { opType: 'Mul', input: ['x', 'factor'], output: ['scaled'] };
  const factor = { name: 'factor', dataType: DataType.FLOAT, dims: [1n], floatData: [3] };
  const conditional = (condition: string): NodeInit => ({
    opType: 'If',
    name: 'choice',
    input: [condition],
    output: ['y'],
    attribute: [
      branch('then_branch', [doubled], 'doubled'),
      branch('else_branch', [scaled], 'scaled', [factor]),
    ],
  });
  const compare = (bound: bigint) =>
    model(
      [
        { opType: 'Shape', input: ['x'], output: ['size'] },
        { opType: 'Greater', input: ['size', 'bound'], output: ['larger'] },
        conditional('larger'),
      ],
      [ints('bound', [bound])],
    );
  const x = { dims: [2], data: [1, 2] };

  it('becomes the branch that is taken', async () => {
    expect((await run(parseModel(compare(1n)), { x })).y!.data).toEqual([2, 4]);
    expect((await run(parseModel(compare(2n)), { x })).y!.data).toEqual([3, 6]);
  });

  it('and one inside the other too', async () => {
    const inner = { ...conditional('larger'), output: ['inner'] };
    const outer: NodeInit = {
      opType: 'If',
      input: ['larger'],
      output: ['y'],
      attribute: [
        branch('then_branch', [inner], 'inner'),
        branch('else_branch', [{ opType: 'Neg', input: ['x'], output: ['negative'] }], 'negative'),
      ],
    };
    const nodes = (bound: bigint) =>
      model(
        [
          { opType: 'Shape', input: ['x'], output: ['size'] },
          { opType: 'Greater', input: ['size', 'bound'], output: ['larger'] },
          outer,
        ],
        [ints('bound', [bound])],
      );
    expect((await run(parseModel(nodes(1n)), { x })).y!.data).toEqual([2, 4]);
    expect((await run(parseModel(nodes(2n)), { x })).y!.data).toEqual([-1, -2]);
  });

  it('is refused where the image decides', () => {
    const nodes = [
      { opType: 'ReduceMax', input: ['x'], output: ['largest'] },
      { opType: 'Greater', input: ['largest', 'zero'], output: ['positive'] },
      conditional('positive'),
    ];
    const zero = { name: 'zero', dataType: DataType.FLOAT, dims: [1n], floatData: [0] };
    expect(() => parseModel(model(nodes, [zero]))).toThrow(
      'If node "choice": its condition is not known before the graph runs',
    );
  });

  it('is refused where a branch is missing', () => {
    const half = {
      ...conditional('larger'),
      attribute: [branch('else_branch', [scaled], 'scaled', [factor])],
    };
    const nodes = [
      { opType: 'Shape', input: ['x'], output: ['size'] },
      { opType: 'Greater', input: ['size', 'bound'], output: ['larger'] },
      half,
    ];
    expect(() => parseModel(model(nodes, [ints('bound', [1n])]))).toThrow(
      'If node "choice": its then_branch does not fit its outputs',
    );
  });
});

it('works out the type of an output that the model leaves open', () => {
  const bytes = (opType: string) =>
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        opsetImport: [{ domain: '', version: 17n }],
        graph: {
          name: 'g',
          input: [float('x', [2n])],
          output: [{ name: 'y' }],
          node: [{ opType, input: ['x', 'x'], output: ['y'] }],
        },
      } as Parameters<typeof create<typeof ModelProtoSchema>>[1]),
    );
  expect(parseModel(bytes('Add')).outputs).toEqual([{ name: 'y', dtype: 'float32', shape: [2] }]);
  expect(() => parseModel(bytes('Mystery'))).toThrow('output y is not a tensor');
});

it('calls an operator of another domain what it is, and not one that lacks a rule', () => {
  const fused = { opType: 'FastGelu', domain: 'com.microsoft', input: ['x'], output: ['y'] };
  expect(() => inferShapes(parseModel(model([fused])))).toThrow(
    'com.microsoft.FastGelu node "FastGelu/y" is not a standard operator',
  );
});
