/** What each pickle opcode does, one row per opcode (Python's pickletools.py names them so). */
import type { ByteReader } from './byte-reader.ts';
import type { PickleMachine } from './pickle-machine.ts';

type Execute = (machine: PickleMachine, reader: ByteReader) => void;

const HIGHEST_PROTOCOL = 5;

export const PICKLE_OPCODES: ReadonlyMap<number, Execute> = new Map(
  Object.entries<Execute>({
    // Framing
    '\x80': (_, r) => checkProtocol(r.uint8()), // PROTO
    '\x95': (_, r) => r.skip(8), // FRAME

    // Constants and numbers
    N: (m) => m.push(null), // NONE
    '\x88': (m) => m.push(true), // NEWTRUE
    '\x89': (m) => m.push(false), // NEWFALSE
    I: (m, r) => m.push(integerFromText(r.line())), // INT
    L: (m, r) => m.push(integerFromText(r.line().replace(/L$/, ''))), // LONG
    J: (m, r) => m.push(r.int32()), // BININT
    K: (m, r) => m.push(r.uint8()), // BININT1
    M: (m, r) => m.push(r.uint16()), // BININT2
    '\x8a': (m, r) => m.push(integerFromBytes(r.bytes(r.uint8()))), // LONG1
    '\x8b': (m, r) => m.push(integerFromBytes(r.bytes(r.uint32()))), // LONG4
    F: (m, r) => m.push(Number(r.line())), // FLOAT
    G: (m, r) => m.push(r.float64BigEndian()), // BINFLOAT

    // Text and bytes
    V: (m, r) => m.push(r.line()), // UNICODE
    '\x8c': (m, r) => m.push(r.text(r.uint8())), // SHORT_BINUNICODE
    X: (m, r) => m.push(r.text(r.uint32())), // BINUNICODE
    '\x8d': (m, r) => m.push(r.text(r.uint64())), // BINUNICODE8
    U: (m, r) => m.push(r.text(r.uint8())), // SHORT_BINSTRING
    T: (m, r) => m.push(r.text(r.uint32())), // BINSTRING
    C: (m, r) => m.push(r.bytes(r.uint8())), // SHORT_BINBYTES
    B: (m, r) => m.push(r.bytes(r.uint32())), // BINBYTES

    // Tuples, lists, dicts
    '(': (m) => m.mark(), // MARK
    ')': (m) => m.push([]), // EMPTY_TUPLE
    ']': (m) => m.push([]), // EMPTY_LIST
    '\x85': (m) => m.push(m.pop(1)), // TUPLE1
    '\x86': (m) => m.push(m.pop(2)), // TUPLE2
    '\x87': (m) => m.push(m.pop(3)), // TUPLE3
    t: (m) => m.push(m.popToMark()), // TUPLE
    l: (m) => m.push(m.popToMark()), // LIST
    a: (m) => m.append(m.pop(1)), // APPEND
    e: (m) => m.append(m.popToMark()), // APPENDS
    '}': (m) => m.push(new Map()), // EMPTY_DICT
    d: (m) => m.pushDict(m.popToMark()), // DICT
    s: (m) => m.setItems(m.pop(2)), // SETITEM
    u: (m) => m.setItems(m.popToMark()), // SETITEMS

    // Stack and memo
    '0': (m) => m.pop(1), // POP
    '1': (m) => m.popToMark(), // POP_MARK
    '2': (m) => m.push(m.top()), // DUP
    p: (m, r) => m.memoize(Number(r.line())), // PUT
    q: (m, r) => m.memoize(r.uint8()), // BINPUT
    r: (m, r) => m.memoize(r.uint32()), // LONG_BINPUT
    '\x94': (m) => m.memoizeNext(), // MEMOIZE
    g: (m, r) => m.recall(Number(r.line())), // GET
    h: (m, r) => m.recall(r.uint8()), // BINGET
    j: (m, r) => m.recall(r.uint32()), // LONG_BINGET

    // Globals and objects: the only way out of plain data
    c: (m, r) => m.global(r.line(), r.line()), // GLOBAL
    '\x93': (m) => m.global(...(m.pop(2) as [unknown, unknown])), // STACK_GLOBAL
    R: (m) => m.call(...(m.pop(2) as [unknown, unknown])), // REDUCE
    '\x81': (m) => m.call(...(m.pop(2) as [unknown, unknown])), // NEWOBJ
    Q: (m) => m.persistent(m.pop(1)[0]), // BINPERSID
    b: (m) => m.build(m.pop(1)[0]), // BUILD
  }).map(([opcode, execute]) => [opcode.charCodeAt(0), execute]),
);

function checkProtocol(protocol: number): void {
  if (protocol > HIGHEST_PROTOCOL) {
    throw new Error(`pickle protocol ${protocol}; expected at most ${HIGHEST_PROTOCOL}`);
  }
}

function integerFromText(text: string): number | bigint | boolean {
  if (text === '00') return false;
  if (text === '01') return true;
  if (!/^-?\d{1,100}$/.test(text)) throw new Error(`${JSON.stringify(text.slice(0, 40))} is not an integer`);
  return narrow(BigInt(text));
}

/** Two's complement, little-endian, any length; no bytes are 0. */
function integerFromBytes(bytes: Uint8Array): number | bigint {
  if (bytes.length > 64) throw new Error(`an integer of ${bytes.length} bytes; expected at most 64`);
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return narrow(BigInt.asIntN(bytes.length * 8, value));
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
