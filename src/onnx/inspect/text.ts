/** An inspection for people: a field to a line, then a table of the operators. */
import type { CheckpointInspection, End, Inspection, OnnxInspection } from './inspection.ts';

type Line = readonly [field: string, value: string];

/** @returns lines whose values start in one column */
export function inspectionText(inspection: Inspection): string {
  const { path, format, kind, bytes, sha256 } = inspection;
  const lines: Line[] = [
    ['file', path],
    ['format', format],
    ['kind', kind],
    ['parameters', inspection.parameters.toLocaleString('en')],
    ['size', size(bytes)],
    ['sha256', sha256],
    ...(inspection.format === 'ONNX' ? onnxLines(inspection) : checkpointLines(inspection)),
  ];
  const width = Math.max(...lines.map(([field]) => field.length));
  return lines.map(([field, value]) => `${field.padEnd(width)}  ${value}`.trimEnd()).join('\n');
}

function checkpointLines({ tensors, dtypes, options, undetermined, reason }: CheckpointInspection): Line[] {
  const types = Object.entries(dtypes).map(([dtype, count]) => `${dtype} ${count}`);
  return [
    ['tensors', `${tensors} (${types.join(', ')})`],
    ...Object.entries(options ?? {}).map(([name, value]): Line => [name, JSON.stringify(value)]),
    ...(undetermined ?? []).map((names): Line => [names, '? (leaves no trace in names and shapes)']),
    ...(reason === undefined ? [] : [['note', reason] as const]),
  ];
}

function onnxLines(inspection: OnnxInspection): Line[] {
  const { producer, opsets, inputs, outputs, operators, externalData, unsupported } = inspection;
  const counts = Object.entries(operators);
  const nodes = counts.reduce((sum, [, count]) => sum + count, 0);
  return [
    ['producer', producer || '(not named)'],
    [
      'opset',
      Object.entries(opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(', '),
    ],
    ...inputs.map((end): Line => ['input', showEnd(end)]),
    ...outputs.map((end): Line => ['output', showEnd(end)]),
    ...externalData.flatMap(({ file, bytes, sha256 }): Line[] => [
      ['weights in', bytes === undefined ? file : `${file}, ${size(bytes)}`],
      ...(sha256 === undefined ? [] : [['  sha256', sha256] as const]),
    ]),
    ...(unsupported === undefined ? [] : [['unsupported', unsupported] as const]),
    ['operators', `${nodes} nodes`],
    ...counts.map(([operator, count]): Line => [`  ${operator}`, String(count)]),
  ];
}

function showEnd({ name, type, shape }: End): string {
  return `${name} ${type}${shape === undefined ? '' : `[${shape.join(', ')}]`}`;
}

function size(bytes: number): string {
  const exact = `${bytes.toLocaleString('en')} bytes`;
  return bytes < 1e6
    ? exact
    : `${exact} (${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB)`;
}
