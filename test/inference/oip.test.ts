import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesPerElement, type Datatype, elementCount, fromBytes } from '../../src/inference/oip/datatype.ts';
import { ProtocolError } from '../../src/inference/oip/error.ts';
import { HEADER_LENGTH, type Message } from '../../src/inference/oip/framing.ts';
import { decodeRequest, encodeRequest, type InferRequest } from '../../src/inference/oip/request.ts';
import { decodeResponse, encodeResponse } from '../../src/inference/oip/response.ts';
import type { NamedTensor } from '../../src/inference/oip/tensor.ts';

const DATATYPES = [
  ...(['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'] as const),
  ...(['FP16', 'FP32', 'FP64'] as const),
];

const shapes = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });

/** Tensors of any bytes: NaN payloads and infinities included. */
function anyTensor(name: string): fc.Arbitrary<NamedTensor> {
  return fc.tuple(fc.constantFrom(...DATATYPES), shapes).chain(([datatype, shape]) => {
    const size = elementCount(shape) * bytesPerElement(datatype);
    return fc
      .uint8Array({ minLength: size, maxLength: size })
      .map((bytes) => ({ name, datatype, shape, data: fromBytes(datatype, bytes) }));
  });
}

/** Tensors that JSON can say. */
function jsonTensor(name: string): fc.Arbitrary<NamedTensor> {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
  return shapes.chain((shape) => {
    const length = { minLength: elementCount(shape), maxLength: elementCount(shape) };
    const make = (datatype: Datatype, data: NamedTensor['data']) => ({ name, datatype, shape, data });
    return fc.oneof(
      fc.array(finite, length).map((values) => make('FP32', Float32Array.from(values))),
      fc.array(finite, length).map((values) => make('FP64', Float64Array.from(values))),
      fc.array(fc.integer(), length).map((values) => make('INT32', Int32Array.from(values))),
      fc
        .array(fc.maxSafeInteger(), length)
        .map((values) => make('INT64', BigInt64Array.from(values, BigInt))),
      fc.array(fc.nat({ max: 1 }), length).map((values) => make('BOOL', Uint8Array.from(values))),
    );
  });
}

function headerLength(message: Message): string | null {
  return message.headers[HEADER_LENGTH] ?? null;
}

/** A message of a JSON object and blobs, as another client would build it. */
function message(json: unknown, blobs = new Uint8Array(0)): [string, Uint8Array] {
  const text = new TextEncoder().encode(JSON.stringify(json));
  return [String(text.byteLength), Uint8Array.from([...text, ...blobs])];
}

const x = { name: 'x', datatype: 'FP32', shape: [2] };

describe('requests', () => {
  test('of any tensors survive the way as binary data, bit by bit', () => {
    fc.assert(
      fc.property(
        anyTensor('a'),
        anyTensor('größe 入力'),
        fc.option(fc.string(), { nil: undefined }),
        (a, b, id) => {
          const request: InferRequest = {
            ...(id === undefined ? {} : { id }),
            parameters: { priority: 3, who: 'me', fast: true },
            inputs: [a, b],
            outputs: [
              { name: 'p', binary: true },
              { name: 'q', binary: false, datatype: 'FP16' },
            ],
            binaryOutput: true,
          };
          const encoded = encodeRequest(request);
          expect(decodeRequest(headerLength(encoded), encoded.body)).toEqual(request);
        },
      ),
    );
  });

  test('survive the way as JSON, with no header length', () => {
    fc.assert(
      fc.property(jsonTensor('a'), (a) => {
        const request = { inputs: [a], binaryOutput: false };
        const encoded = encodeRequest(request, { binary: false });
        expect(encoded.headers).toEqual({ 'content-type': 'application/json' });
        expect(decodeRequest(null, encoded.body)).toEqual(request);
      }),
    );
  });

  test('carry the length of their JSON in bytes, not in characters', () => {
    const inputs: NamedTensor[] = [{ name: '入力', datatype: 'FP32', shape: [1], data: Float32Array.of(1) }];
    const encoded = encodeRequest({ inputs });
    const length = Number(headerLength(encoded));
    const json = new TextDecoder().decode(encoded.body.subarray(0, length));
    expect(JSON.parse(json).inputs[0].name).toBe('入力');
    expect(length).toBeGreaterThan(json.length);
    expect([...encoded.body.subarray(length)]).toEqual([0, 0, 128, 63]);
  });

  test('may mix JSON and binary inputs; blobs follow the order of the JSON', () => {
    const blob = (name: string) => ({
      ...{ name, datatype: 'INT16', shape: [1] },
      parameters: { binary_data_size: 2 },
    });
    const json = { inputs: [blob('first'), { ...x, data: [1, 2] }, blob('second')] };
    const { inputs } = decodeRequest(...message(json, Uint8Array.of(1, 0, 2, 1)));
    expect(inputs.map(({ data }) => [...data])).toEqual([[1], [1, 2], [258]]);
  });

  test('may nest data like the shape', () => {
    const input = { name: 'x', datatype: 'FP32', shape: [2, 1, 2], data: [[[1, 2]], [[3, 4]]] };
    const [decoded] = decodeRequest(...message({ inputs: [input] })).inputs;
    expect(decoded?.data).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  test('say for each output whether it is wanted binary, or leave it to binary_data_output', () => {
    const outputs = [{ name: 'a' }, { name: 'b', parameters: { binary_data: false } }];
    const json = { parameters: { binary_data_output: true }, inputs: [], outputs };
    expect(decodeRequest(...message(json)).outputs).toEqual([
      { name: 'a', binary: true },
      { name: 'b', binary: false },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ['no object', [], /request: expected an object/],
    ['no inputs', {}, /inputs: expected an array/],
    ['a nameless input', { inputs: [{ ...x, name: '' }] }, /inputs\[0\]: name must be a non-empty string/],
    [
      'an unknown datatype',
      { inputs: [{ ...x, datatype: 'BF16' }] },
      /inputs\[0\] "x": unsupported datatype "BF16"/,
    ],
    [
      'a name of every object',
      { inputs: [{ ...x, datatype: 'toString' }] },
      /unsupported datatype "toString"/,
    ],
    [
      'a negative dimension',
      { inputs: [{ ...x, shape: [-1] }] },
      /shape must be a list of non-negative integers/,
    ],
    [
      'an absurd shape',
      { inputs: [{ ...x, shape: [2 ** 40, 2 ** 40], data: [] }] },
      /more elements than can be counted/,
    ],
    ['a shape that goes on and on', { inputs: [{ ...x, shape: Array(17).fill(1) }] }, /17 dimensions/],
    [
      'a huge shape with no data',
      { inputs: [{ ...x, shape: [2 ** 40], data: [] }] },
      /data has 0 elements but shape/,
    ],
    ['no data', { inputs: [x] }, /neither data nor parameters.binary_data_size/],
    ['too few elements', { inputs: [{ ...x, data: [1] }] }, /data has 1 elements but shape \[2\] takes 2/],
    ['a ragged nest', { inputs: [{ ...x, shape: [2, 2], data: [[1, 2], [3]] }] }, /1 entries along axis 1/],
    ['a string among numbers', { inputs: [{ ...x, data: [1, '2'] }] }, /data\[1\] is "2", which is no FP32/],
    ['null for NaN', { inputs: [{ ...x, data: [null, 1] }] }, /data\[0\] is null/],
    ['more than FP32 holds', { inputs: [{ ...x, data: [1e39, 1] }] }, /data\[0\] is 1e\+39/],
    [
      'a fraction as INT32',
      { inputs: [{ ...x, datatype: 'INT32', data: [1.5, 1] }] },
      /1.5, which is no INT32/,
    ],
    ['FP16 as JSON', { inputs: [{ ...x, datatype: 'FP16', data: [1, 1] }] }, /FP16 has no JSON form/],
    ['the same input twice', { inputs: [1, 2].map((n) => ({ ...x, data: [n, n] })) }, /"x" is there twice/],
    ['an id that is no string', { id: 7, inputs: [] }, /id must be a string/],
    ['an object as parameter', { inputs: [], parameters: { a: {} } }, /parameters.a must be/],
    [
      'an unknown datatype of an output',
      { inputs: [], outputs: [{ name: 'a', parameters: { datatype: 'half' } }] },
      /outputs\[0\] "a": unsupported datatype "half"/,
    ],
    [
      'binary_data of no truth',
      { inputs: [], outputs: [{ name: 'a', parameters: { binary_data: 1 } }] },
      /binary_data must be/,
    ],
  ])('with %s are refused with the reason', (_, json, reason) => {
    const decode = () => decodeRequest(...message(json));
    expect(decode).toThrow(ProtocolError);
    expect(decode).toThrow(reason);
  });

  test('never bring their own values back at any length or depth', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 1000; i++) deep = [deep];
    const long = 'x'.repeat(100_000);
    for (const input of [
      { ...x, shape: [deep] },
      { ...x, data: [{ deep }, 1] },
      { ...x, data: [long, 1] },
      { ...x, name: long },
      { ...x, datatype: long },
    ]) {
      const [length, body] = message({ inputs: [input] });
      const error = (() => {
        try {
          return decodeRequest(length, body);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).message.length).toBeLessThan(400);
    }
  });

  test('read into shared memory are views of it, but for blobs that lie askew', () => {
    const blob = (name: string, datatype: string, size: number) => ({
      ...{ name, datatype, shape: [1] },
      parameters: { binary_data_size: size },
    });
    const inputs = [blob('a', 'FP32', 4), blob('b', 'BOOL', 1), blob('c', 'FP32', 4)];
    const blobs = Uint8Array.of(0, 0, 128, 63, 1, 0, 0, 0, 64);
    const [length, body] = message({ inputs }, blobs);
    const padding = (8 - (Number(length) % 8)) % 8;
    const held = new Uint8Array(padding + body.byteLength).subarray(padding);
    held.set(body);
    const [a, b, c] = decodeRequest(length, held, 'shared').inputs;
    expect([a?.data, b?.data, c?.data].map((data) => [...data!])).toEqual([[1], [1], [2]]);
    expect([a, b, c].map((input) => input?.data.buffer === held.buffer)).toEqual([true, true, false]);
  });

  test.each<[string, number, number, RegExp]>([
    ['a blob that is cut off', 8, 7, /binary_data_size is 8 but only 7 bytes of the body are left/],
    ['a size that does not fit the shape', 4, 4, /binary_data_size is 4 but FP32 \[2\] takes 8 bytes/],
    ['bytes that no tensor claims', 8, 9, /1 bytes that no tensor's binary_data_size claims/],
    ['a size that is no count', -8, 8, /must be a count of bytes, not -8/],
  ])('with %s are refused with the reason', (_, size, bytes, reason) => {
    const json = { inputs: [{ ...x, parameters: { binary_data_size: size } }] };
    expect(() => decodeRequest(...message(json, new Uint8Array(bytes)))).toThrow(reason);
  });

  test.each<[string, string | null, string, RegExp]>([
    ['a length that is no number', '0x10', '{}', /must be a count of bytes, not "0x10"/],
    ['a length beyond the body', '3', '{}', /is 3 but the body has 2 bytes/],
    ['JSON that breaks off', null, '{"inputs":', /the JSON part can't be read/],
    ['bytes that are no UTF-8', null, '\u{fffd}', /the JSON part can't be read/],
  ])('with %s are refused with the reason', (_, length, text, reason) => {
    const body = text === '\u{fffd}' ? Uint8Array.of(0xff, 0xfe) : new TextEncoder().encode(text);
    expect(() => decodeRequest(length, body)).toThrow(reason);
  });

  test('that are cut at any byte never decode to something else', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const { headers, body } = encodeRequest({ inputs: [{ name: 'x', datatype: 'FP32', shape: [4], data }] });
    for (let size = 0; size < body.byteLength; size++) {
      expect(() => decodeRequest(headers[HEADER_LENGTH]!, body.subarray(0, size))).toThrow(ProtocolError);
    }
  });
});

describe('responses', () => {
  test('survive the way with some outputs binary and some JSON', () => {
    fc.assert(
      fc.property(anyTensor('a'), jsonTensor('b'), anyTensor('c'), (a, b, c) => {
        const parameters = { digest: 'sha256:0', exact: true };
        const response = { modelName: 'm', modelVersion: '1', id: 'q', parameters, outputs: [a, b, c] };
        const encoded = encodeResponse(response, (name) => name !== 'b');
        expect(decodeResponse(headerLength(encoded), encoded.body)).toEqual(response);
      }),
    );
  });

  test('carry the header length only if an output is binary', () => {
    const outputs: NamedTensor[] = [{ name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(1) }];
    expect(encodeResponse({ modelName: 'm', outputs }, () => true).headers).toHaveProperty(HEADER_LENGTH);
    expect(encodeResponse({ modelName: 'm', outputs }, () => false).headers).not.toHaveProperty(
      HEADER_LENGTH,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('never turn %d into JSON null', (value) => {
    const outputs: NamedTensor[] = [
      { name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(value) },
    ];
    expect(() => encodeResponse({ modelName: 'm', outputs }, () => false)).toThrow(
      /element 0 is .* JSON can't carry/,
    );
  });

  test('decoded from a larger buffer own their data', () => {
    const outputs: NamedTensor[] = [{ name: 'a', datatype: 'FP32', shape: [1], data: Float32Array.of(1) }];
    const encoded = encodeResponse({ modelName: 'm', outputs }, () => true);
    const { outputs: decoded } = decodeResponse(headerLength(encoded), encoded.body);
    encoded.body.fill(0);
    expect(decoded[0]?.data).toEqual(Float32Array.of(1));
    expect(decoded[0]?.data.buffer.byteLength).toBe(4);
  });
});
