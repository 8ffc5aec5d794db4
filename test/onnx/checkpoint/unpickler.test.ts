import { describe, expect, it } from 'vitest';
import { PickleCallable } from '../../../src/onnx/checkpoint/pickle-machine.ts';
import { PickleError, unpickle } from '../../../src/onnx/checkpoint/unpickler.ts';

const text = (source: string): Uint8Array => Uint8Array.from(source, (character) => character.charCodeAt(0));
const forbidden = {
  resolveGlobal: (module: string, name: string) => {
    throw new Error(`${module}.${name} is forbidden`);
  },
};
const load = (source: string): unknown => unpickle(text(source), forbidden).value;

describe('plain data', () => {
  it.each([
    ['I-12\n.', -12],
    ['K\xff.', 255],
    ['J\xfe\xff\xff\xff.', -2],
    ['\x8a\x01\xff.', -1],
    ['\x8a\x00.', 0],
    ['\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.', 2n ** 64n],
    ['G\xbf\xf0\x00\x00\x00\x00\x00\x00.', -1],
    ['X\x02\x00\x00\x00\xc3\xa4.', 'ä'],
    ['N.', null],
    ['I01\n.', true],
    ['(K\x01K\x02t.', [1, 2]],
    ['](K\x01K\x02e.', [1, 2]],
    [
      '}(K\x01K\x02K\x03K\x04u.',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [']q\x00h\x00\x86.', [[], []]],
  ])('%j', (source, expected) => {
    expect(load(source)).toEqual(expected);
  });

  it('leaves the offset behind the pickle, where another may begin', () => {
    expect(unpickle(text('K\x01.K\x02.'), forbidden)).toEqual({ value: 1, end: 3 });
    expect(unpickle(text('K\x01.K\x02.'), forbidden, 3)).toEqual({ value: 2, end: 6 });
  });
});

describe('refuses', () => {
  it.each([
    ['a global, in both spellings', 'cos\nsystem\n.', /os\.system is forbidden/],
    ['a global from the stack', '\x8c\x02os\x8c\x06system\x93.', /os\.system is forbidden/],
    ['to call what is no allowed callable', 'K\x01)R.', /calls something that is not allowed/],
    ['attributes of anything but a dict', 'K\x01}b.', /attributes/],
    ['instances by INST', '(ios\nsystem\n.', /opcode 0x69 is not supported/],
    ['persistent ids if nothing resolves them', 'K\x01Q.', /outside itself/],
    ['a value from an empty stack', '\x85.', /empty stack/],
    ['a mark that was never set', 't.', /mark/],
    ['a memo entry that was never stored', 'h\x05.', /never stored/],
    ['items of a dict that is a list', ']K\x01K\x02s.', /not a dict/],
    ['a newer protocol', '\x80\x06N.', /protocol 6/],
    ['an end in the middle', 'X\xff\x00\x00\x00abc', /ends 252 bytes too early/],
    ['an end without STOP', 'K\x01', /too early/],
  ])('%s', (_, source, message) => {
    expect(() => load(source)).toThrow(message);
    expect(() => load(source)).toThrow(PickleError);
  });
});

it('calls what the allow-list hands out, with its arguments', () => {
  const resolveGlobal = () => new PickleCallable('pair', (args) => ({ pair: args }));
  expect(unpickle(text('cm\npair\nK\x01K\x02\x86R.'), { resolveGlobal }).value).toEqual({ pair: [1, 2] });
});

it('says at which byte the offending opcode is', () => {
  expect(() => load('K\x01K\x02cos\nsystem\n.')).toThrow('(pickle opcode at byte 4)');
});

it('stops a small pickle that hands one long list to a call over and over', () => {
  const list = `](${'N'.repeat(50_000)}e`;
  const pickle = `cm\nf\nq\x000${list}\x85q\x010${'h\x00h\x01R0'.repeat(50_000)}N.`;
  let calls = 0;
  const environment = { resolveGlobal: () => new PickleCallable('f', () => calls++) };
  expect(() => unpickle(text(pickle), environment)).toThrow('hands more than 10000000 values to f');
  expect(calls).toBeLessThan(1000);
});
