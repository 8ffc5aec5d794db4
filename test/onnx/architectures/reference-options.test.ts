import { expect, it } from 'vitest';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { constructors } from '../fixtures.ts';

const { class: className, constructor_arguments: given } = constructors.tiny_a!;

it('drops what has no effect and reads -1 and None as not given', () => {
  const options = optionsFromReference('UNetModel', { ...given, pool: undefined, num_classes: null });
  expect(options).not.toHaveProperty('dropout');
  expect(options).not.toHaveProperty('num_head_channels');
  expect(options).not.toHaveProperty('num_classes');
  expect(options).toMatchObject({ kind: 'unet', num_heads: 1, conv_resample: true });
});

it('refuses a class, an argument or a dimension that it does not know, by name', () => {
  expect(() => optionsFromReference('toString', given)).toThrow('class toString; expected one of UNetModel');
  expect(() => optionsFromReference(className, { ...given, colour: 1 })).toThrow(/colour/);
  expect(() => optionsFromReference(className, { ...given, dims: 3 })).toThrow('dims 3');
  expect(() => optionsFromReference(className, { ...given, pool: 'max' })).toThrow(/pool/);
});
