import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { operatorTable } from '../../../src/onnx/gradient/operator-table.ts';
import { differentiableOperators } from '../../../src/onnx/gradient/registry.ts';

const DOCUMENT = new URL('../../../docs/operators.md', import.meta.url);

it('docs/operators.md is the table as it is (npm run -s cairn -- gradient --operators)', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(operatorTable());
});

it('has one row for each operator with a rule', () => {
  const rows = [...operatorTable().matchAll(/^\| (\w+) \|.*rules\//gm)].map(([, opType]) => opType);
  expect(rows).toEqual(differentiableOperators);
});
