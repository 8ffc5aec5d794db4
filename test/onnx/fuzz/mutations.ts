/** Damage: what storage, networks and people who wish us ill do to a file. */
import fc from 'fast-check';

type Mutation =
  | { readonly kind: 'flip'; readonly at: Place; readonly bit: number }
  | { readonly kind: 'overwrite'; readonly at: Place; readonly bytes: Uint8Array }
  | { readonly kind: 'insert'; readonly at: Place; readonly bytes: Uint8Array; readonly times: number }
  | { readonly kind: 'remove'; readonly at: Place; readonly length: number }
  | { readonly kind: 'truncate'; readonly at: Place }
  | { readonly kind: 'splice'; readonly from: Place; readonly length: number; readonly to: Place };

/** A place in a file of any length: descriptions stand at the ends, so most damage should hit there. */
interface Place {
  readonly near: 'start' | 'end' | 'anywhere';
  readonly distance: number;
}

const NEAR_BYTES = 3000;

const place: fc.Arbitrary<Place> = fc.record({
  near: fc.constantFrom('start', 'start', 'end', 'anywhere'),
  distance: fc.nat({ max: 2 ** 30 }),
});

/** Lengths that overflow, go negative, or ask for more than there is, in the widths that the formats use. */
const lengthField: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom(
      0n,
      1n,
      0x7fn,
      0xffffn,
      0x7fff_ffffn,
      0x8000_0000n,
      0xffff_ffffn,
      2n ** 53n,
      2n ** 63n,
      -1n,
    ),
    fc.constantFrom(1, 2, 4, 8),
  )
  .map(([value, width]) =>
    new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer).subarray(0, width),
  );

/** The same for protocol buffers: seven bits to a byte, the rest follow. */
const lengthVarint: fc.Arbitrary<Uint8Array> = fc.constantFrom(
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
  Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
);

/** Opcodes and tags that make a reader build, repeat or nest. */
const token: fc.Arbitrary<Uint8Array> = fc
  .constantFrom(
    '(',
    't',
    'l',
    'd',
    'e',
    'u',
    '2',
    '0',
    ')',
    ']',
    '}',
    'R',
    'Q',
    'b',
    '.',
    'h\0',
    'q\0',
    '\x85',
    '\x94',
    '\n\x02',
    '"\0',
    '{"a":',
    '[',
  )
  .map((characters) => Uint8Array.from(characters, (character) => character.charCodeAt(0)));

const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 8 });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip'), at: place, bit: fc.nat({ max: 7 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('overwrite'),
      at: place,
      bytes: fc.oneof(anyBytes, lengthField, lengthVarint, token),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('insert'),
      at: place,
      bytes: fc.oneof(anyBytes, lengthField, token),
      times: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 1, max: 4 }) },
        { weight: 1, arbitrary: fc.constant(20_000) },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('remove'), at: place, length: fc.nat({ max: 300 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate'), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('splice'),
      from: place,
      length: fc.nat({ max: 600 }),
      to: place,
    }),
  },
);

/** One to six kinds of damage, one after another. */
export const damage: fc.Arbitrary<readonly Mutation[]> = fc.array(mutation, { minLength: 1, maxLength: 6 });

/** @param donor another file, from which splices come */
export function applyDamage(
  original: Uint8Array,
  donor: Uint8Array,
  mutations: readonly Mutation[],
): Uint8Array {
  return mutations.reduce((bytes, mutation) => apply(bytes, donor, mutation), original);
}

function apply(bytes: Uint8Array, donor: Uint8Array, mutation: Mutation): Uint8Array {
  switch (mutation.kind) {
    case 'flip': {
      const at = offset(mutation.at, bytes.length);
      return overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << mutation.bit)));
    }
    case 'overwrite':
      return overwrite(bytes, offset(mutation.at, bytes.length), mutation.bytes);
    case 'insert': {
      const at = offset(mutation.at, bytes.length);
      const many = Array.from({ length: mutation.times }, () => mutation.bytes);
      return Buffer.concat([bytes.subarray(0, at), ...many, bytes.subarray(at)]);
    }
    case 'remove': {
      const at = offset(mutation.at, bytes.length);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + mutation.length)]);
    }
    case 'truncate':
      return bytes.subarray(0, offset(mutation.at, bytes.length));
    case 'splice': {
      const from = offset(mutation.from, donor.length);
      return overwrite(
        bytes,
        offset(mutation.to, bytes.length),
        donor.subarray(from, from + mutation.length),
      );
    }
  }
}

function offset({ near, distance }: Place, length: number): number {
  if (near === 'anywhere') return distance % Math.max(1, length);
  const within = distance % Math.max(1, Math.min(length, NEAR_BYTES));
  return near === 'start' ? within : Math.max(0, length - 1 - within);
}

function overwrite(bytes: Uint8Array, at: number, replacement: Uint8Array): Uint8Array {
  const result = Uint8Array.from(bytes);
  result.set(replacement.subarray(0, Math.max(0, bytes.length - at)), at);
  return result;
}
