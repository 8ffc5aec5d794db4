import { fstatSync } from 'node:fs';
import { expect, test } from 'vitest';
import { elementCount, emptyData } from '../../../src/inference/oip/datatype.ts';
import type { NamedTensor } from '../../../src/inference/oip/tensor.ts';
import { Exchange, endOf, type TensorPlace } from '../../../src/server/engine/exchange.ts';

const floats = (name: string, length: number, factor: number): NamedTensor => ({
  ...{ name, datatype: 'FP32', shape: [length] },
  data: Float32Array.from({ length }, (_, i) => i * factor),
});

const room = ({ datatype, shape }: TensorPlace) => emptyData(datatype, elementCount(shape));

test('hands over small tensors and large ones, of any datatype, in both directions', async () => {
  const mine = Exchange.create();
  const other = new Exchange(mine.fd);
  const inputs: NamedTensor[] = [
    { name: 'flags', datatype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
    floats('large', 3_000_000, 0.5),
    { name: 'label', datatype: 'INT32', shape: [2], data: Int32Array.of(-1, 7) },
    { name: 'empty', datatype: 'FP32', shape: [0, 4], data: new Float32Array() },
  ];
  const places = await mine.put(inputs, 0);
  const outputs = [floats('output', 1000, 2)];
  const answer = await other.put(outputs, endOf(places));
  expect(await other.take(places, room)).toEqual(inputs);
  expect(await mine.take(answer, room)).toEqual(outputs);
  mine.close();
});

test('a close waits for the copy that is under way, and lets none begin', async () => {
  const exchange = Exchange.create();
  const large = floats('large', 4_000_000, 1);
  const putting = exchange.put([large], 0);
  exchange.close();
  expect(fstatSync(exchange.fd).isFile()).toBe(true);
  await putting;
  expect(() => fstatSync(exchange.fd)).toThrow('EBADF');
  await expect(exchange.put([large], 0)).rejects.toThrow('the exchange file is closed');
});

test('a tensor that is not there is an error', async () => {
  const exchange = Exchange.create();
  const places = await exchange.put([floats('x', 10, 1)], 0);
  await expect(exchange.take([{ ...places[0]!, shape: [11] }], room)).rejects.toThrow(
    /shorter than it should be/,
  );
  exchange.close();
});
