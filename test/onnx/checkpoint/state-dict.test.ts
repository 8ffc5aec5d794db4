import { expect, it } from 'vitest';
import { findStateDict } from '../../../src/onnx/checkpoint/state-dict.ts';
import { Storage, TensorReference } from '../../../src/onnx/checkpoint/torch-globals.ts';

const tensor = new TensorReference(new Storage('0', 'float32', 1), 0, [1], [1]);
const dict = (...names: string[]) => new Map(names.map((name) => [name, tensor]));

it('takes a dict of tensors as it is', () => {
  expect([...findStateDict(dict('a', 'b')).keys()]).toEqual(['a', 'b']);
});

it('finds the one nested dict of tensors', () => {
  const root = new Map<string, unknown>([
    ['step', 3],
    ['model', dict('a')],
  ]);
  expect([...findStateDict(root).keys()]).toEqual(['a']);
});

it('takes a tensor beside the nested dict for what it is, not for the state dict', () => {
  const root = new Map<string, unknown>([
    ['step', tensor],
    ['model', dict('a', 'b')],
  ]);
  expect([...findStateDict(root).keys()]).toEqual(['a', 'b']);
  root.set('ema', dict('c', 'd'));
  expect(() => findStateDict(root)).toThrow('choose one by its key (--key); the file holds "step" (tensor)');
});

it('takes a state dict with a dict of extra state for one', () => {
  const root = new Map<string, unknown>([...dict('a', 'b'), ['extra', dict('c')]]);
  expect([...findStateDict(root).keys()]).toEqual(['a', 'b']);
});

it('asks for a key, and lists what there is, when several hold tensors', () => {
  const root = new Map<string, unknown>([
    ['model', dict('a')],
    ['ema', dict('b', 'c')],
  ]);
  expect(() => findStateDict(root)).toThrow(
    'choose one by its key (--key); the file holds "model" (dict of 1, 1 of them tensors), "ema" (dict of 2, 2 of them tensors)',
  );
  expect([...findStateDict(root, 'ema').keys()]).toEqual(['b', 'c']);
  expect(() => findStateDict(root, 'weights')).toThrow('no state dict under key "weights"');
});

it('says what it found where there are no tensors', () => {
  expect(() => findStateDict([1, 2])).toThrow('found list of 2');
  expect(() => findStateDict(new Map([['step', 3]]))).toThrow(
    'no state dict; the file holds "step" (number)',
  );
});

it('looks through a dict once, however many keys it is under, and lists only some of them', () => {
  const large = new Map<unknown, unknown>(Array.from({ length: 20_000 }, (_, i) => [i, null]));
  const root = new Map(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, large]));
  expect(() => findStateDict(root)).toThrow(/"k19" \(dict of 20000, 0 of them tensors\), 19980 more$/);
}, 5_000);
