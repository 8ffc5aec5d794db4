import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EnumValue, writeText } from '../../../src/export/triton/text-format.ts';
import { parseModelConfig } from '../../support/protocol-double/model-config.ts';

describe('text format', () => {
  test('reads as what was written, by a protobuf library', () => {
    const text = writeText({
      name: 'a',
      max_batch_size: 8,
      input: [
        { name: 'x', data_type: new EnumValue('TYPE_FP32'), dims: [3, 64, 64] },
        { name: 't', data_type: new EnumValue('TYPE_INT32'), dims: [1], reshape: { shape: [] } },
      ],
      version_policy: { latest: { num_versions: 1 } },
      dynamic_batching: { preserve_ordering: true, default_queue_policy: undefined },
      parameters: new Map([['digest', { string_value: 'sha256:00' }]]),
    });
    expect(parseModelConfig(text)).toMatchObject({
      name: 'a',
      max_batch_size: 8,
      input: [
        { name: 'x', data_type: 'TYPE_FP32', dims: [3, 64, 64], reshape: null },
        { name: 't', data_type: 'TYPE_INT32', dims: [1], reshape: { shape: [] } },
      ],
      version_policy: { latest: { num_versions: 1 } },
      dynamic_batching: { preserve_ordering: true, default_queue_policy: null },
      parameters: { digest: { string_value: 'sha256:00' } },
    });
  });

  test('keeps every string, whatever is in it', () => {
    const anyText = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(anyText, anyText, (name, key) => {
        const text = writeText({ name, parameters: new Map([[key, { string_value: name }]]) });
        expect(text.split('\n').length).toBeLessThan(10);
        const config = parseModelConfig(text);
        expect([config.name, config.parameters[key]?.string_value]).toEqual([name, name]);
      }),
    );
  });

  test('ends an escape before the digit that follows', () => {
    expect(parseModelConfig(writeText({ name: '\u00017\n8"\\' })).name).toBe('\u00017\n8"\\');
  });

  test('takes no number that is not whole', () => {
    expect(() => writeText({ max_batch_size: 1.5 })).toThrow('1.5 is not a whole number');
  });
});

test.each([
  ['nam: "x"', /unknown field 'nam'/],
  ['max_batch_size: 1 max_batch_size: 2', /multiple values/],
  ['dynamic_batching {} ensemble_scheduling {}', /multiple values/],
  ['instance_group { kind: KIND_TPU }', /enum value expected/],
  ['name: x', /expected string/],
])('the parser that the tests rely on refuses %s', (text, reason) => {
  expect(() => parseModelConfig(text)).toThrow(reason);
});
