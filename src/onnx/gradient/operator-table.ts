/** The table of supported operators in docs/operators.md, made from the registry. */
import { OPERATOR_FAMILIES } from './registry.ts';
import { NOT_DIFFERENTIABLE } from './rules/not-differentiable.ts';

/** What a rule covers of its operator, or asks for, where that is not all and nothing. */
const LIMITS: Readonly<Record<string, string>> = {
  AveragePool: 'image size known',
  BatchNormalization: 'inference mode',
  Conv: 'image size known if a stride is above 1',
  ConvTranspose:
    'image size known with `output_shape` or `auto_pad`; no output beyond what its windows reach',
  Dropout: 'inference mode',
  Einsum: 'no diagonals (`ii`); ellipsis and letters of one term are covered',
  Gather: 'with an index of rank 2 or more, the sizes after the axis known',
  GatherND: 'batch_dims 0',
  LRN: 'odd sizes, as engines have them',
  LpNormalization: 'p = 2',
  MaxPool: 'row-major indices; equal maxima: the first one',
  Pad: 'constant, reflect, edge and wrap; pads constant, sizes of the padded axes known but for constant, which alone may crop',
  Resize:
    'nearest, linear and cubic; sizes known unless it repeats pixels; not tf_crop_and_resize, antialias or keep_aspect_ratio_policy',
  ReduceL2: '0 where the norm is 0',
  ScatterND: 'reduction none or add',
  Slice: 'bounds constant, size of the axis known',
  Max: 'equal operands share the gradient',
  Min: 'equal operands share the gradient',
  ReduceMax: 'equal elements share the gradient',
  ReduceMin: 'equal elements share the gradient',
  Split: 'parts as attribute, input, or number of outputs',
};

/** Markdown, ending in a newline. */
export function operatorTable(): string {
  const rows = Object.entries(OPERATOR_FAMILIES).flatMap(([file, rules]) =>
    Object.keys(rules).map((opType) => ({ opType, file })),
  );
  const sorted = rows.sort((a, b) => (a.opType < b.opType ? -1 : 1));
  const lines = sorted.map(
    ({ opType, file }) =>
      `| ${opType} | ${LIMITS[opType] ?? ''} | [${file}](../src/onnx/gradient/rules/${file}.ts) |`,
  );
  return `# Operators that \`cairn gradient\` differentiates

The classifier is an ONNX model of operator set 13 to 21. Every operator between its image and its logits needs a row
here; operators elsewhere (shapes, timestep embeddings) only need a shape rule in \`src/onnx/shapes\`. Upsample is
read as the Resize that it is. What comes out has standard operators only, in the set of the classifier (17 at least).
Each row is held against finite differences in double precision, over random shapes and attributes (\`test/onnx/gradient\`).

A missing operator is an error that names it and its node. To add one: a rule in \`src/onnx/gradient/rules\`, a
generator in \`test/onnx/gradient/random\`, and \`npm run -s cairn -- gradient --operators > docs/operators.md\` for this
table.

| operator | limits | rule |
| --- | --- | --- |
${lines.join('\n')}

No gradient passes these, as their slope is zero or they give no numbers of the image:
${[...NOT_DIFFERENTIABLE].sort().join(', ')}.

## What is an error

Valid ONNX that exporters (PyTorch, TensorFlow, timm) hardly ever put between the image and the logits of a classifier;
each ends in an error that names the node:

- Einsum with a diagonal (\`ii->i\`); LpNormalization with p = 1; LRN of an even size, which engines refuse too
- Resize with \`antialias\`, \`tf_crop_and_resize\` or \`keep_aspect_ratio_policy\`. Antialiased resampling of position embeddings
  is no matter: it is not on the way from the image
- GatherND with \`batch_dims\`; ScatterND that multiplies or compares; MaxPool with \`storage_order\`; bounds of a Slice or pads of a Pad that depend on the image
- BatchNormalization and Dropout in training mode: export with \`.eval()\`
- LpPool, CumSum, TopK, Col2Im and recurrent layers (timm's VOLO and Sequencer have them), and control flow (Loop, Scan, and If unless the sizes of the image decide it)
- quantised layers (QLinearConv, DequantizeLinear, ...) and operators of other domains (\`com.microsoft\`), which are what
  optimisers make of a model: export it without them
`;
}
