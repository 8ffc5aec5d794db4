/** Bodies: values spoiled in places, and texts spoiled in bytes. */
import fc from 'fast-check';

/** A place in a value where this text stands as it is, JSON or not. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const DEEP = 8_000;

/** In place of a value. */
const RAW_VALUES = [
  ...['null', 'true', '""', '" "', '[]', '{}', '[null]', '[[]]', '{"a":{}}'],
  ...['-0', '-1', '0.1', '1e-400', '1e21', '1e308', '1e999', '-1e999', '256', '1000000', '-2147483649'],
  ...['4294967296', '9007199254740991', '9007199254740993', '18446744073709551616', '9'.repeat(400)],
  ...['NaN', 'Infinity', '-Infinity', 'undefined', '0x10', '01', '+1', '.5', '1.', '1_000', "'a'", '\u00a01'],
  ...['"NaN"', '"1e999"', '"-0"', '"Infinity"', '"0x10"', '"1,2,3"', '"ddim"', '"ddim0"', '"ddim-1"', '","'],
  ...['"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"a\\u0000b"', '"\\u202e"', '"\\ufeff"', '"\u{1f600}"'],
  ...['"\u0000"', '"\n"', '"\\x41"', '"é\u0301"', '"ﬀ"', '"İ"', `"${'\u{1f468}\u200d'.repeat(200)}"`],
  ...['"__proto__"', '"constructor"', '"toString"', '"hasOwnProperty"', '["__proto__"]'],
  ...['{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"admin":true}}}', '{"toString":1}'],
  ...[
    '{"length":4294967295}',
    '{"then":1}',
    '{"toJSON":1}',
    '{"0":0.5,"__proto__":0.5}',
    '{"-1":1}',
    '{"1e999":1}',
  ],
  ...[`"' OR '1'='1"`, '"\\"; --"', '"%00"', '"../../../etc/passwd"', '"{{7*7}}"', '"<script>1</script>"'],
  ...[
    '"http://127.0.0.1:1/"',
    '"http://[::1]:1/"',
    '"http://0x7f000001:1/"',
    '"file:///"',
    '"data:,a"',
    '"http://"',
  ],
  ...[
    '"2026-02-30T00:00:00Z"',
    '"+275760-09-13T00:00:00.001Z"',
    '"0000-00-00T00:00:00Z"',
    '"9999-12-31T23:59:59+99:99"',
  ],
  ...[
    '"AAAA"',
    '"iVBORw0KGgo="',
    '"data:image/png;base64,iVBORw0KGgo="',
    '"===="',
    '"A"',
    '"whsec_"',
    '"whsec_===="',
  ],
  ...[`"${'a'.repeat(5_000)}"`, `[${'0,'.repeat(3_000)}0]`, '['.repeat(DEEP) + ']'.repeat(DEEP)],
  ...[
    `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
    `{${Array.from({ length: 2_000 }, (_, i) => `"k${i}":${i}`)}}`,
  ],
] as const;

const NAMES = [
  ...['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'prototype', 'then', 'toJSON'],
  ...[
    '',
    ' ',
    '0',
    '-1',
    'length',
    'id',
    'account',
    'account_id',
    'scopes',
    'status',
    'admin',
    '$ref',
    'a/b~c',
  ],
  ...['\u0000', '\ud800', '\u{1f600}', 'a'.repeat(3_000)],
];

const spoil = fc.record({
  /** Which place, of those there are. */
  at: fc.nat(1_000),
  how: fc.constantFrom('replace', 'replace', 'replace', 'add', 'remove', 'wrap', 'repeat'),
  value: fc.constantFrom(...RAW_VALUES),
  name: fc.constantFrom(...NAMES),
});
type Spoil = typeof spoil extends fc.Arbitrary<infer T> ? T : never;

/** Of the text. */
const cut = fc.oneof(
  { weight: 12, arbitrary: fc.constant(null) },
  {
    weight: 3,
    arbitrary: fc.record({ how: fc.constantFrom('truncate', 'flip', 'twice'), at: fc.nat(10_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constantFrom('bom', 'utf16', 'tail', 'padding'), at: fc.nat(10) }),
  },
);
type Cut = typeof cut extends fc.Arbitrary<infer T> ? T : never;

/** @param values that a route takes, or nearly */
export function spoiledBodies(values: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  const wild = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom('', ' ', ...RAW_VALUES),
  );
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(values, fc.array(spoil, { maxLength: 2 }), cut)
        .map(([value, spoils, damage]) => damaged(textOf(spoils.reduce<unknown>(spoiled, value)), damage)),
    },
    { weight: 1, arbitrary: wild.map((text) => new TextEncoder().encode(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  );
}

function spoiled(value: unknown, { at, how, value: raw, name }: Spoil): unknown {
  let left = at % placesIn(value);
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return spoiledNode(node, how, new Raw(raw), name);
    if (Array.isArray(node)) return node.map(walk);
    if (!isObject(node)) return node;
    return membersOf(Object.entries(node).map(([key, member]) => [key, walk(member)]));
  };
  return walk(value);
}

function spoiledNode(node: unknown, how: Spoil['how'], raw: Raw, name: string): unknown {
  switch (how) {
    case 'add':
      if (Array.isArray(node)) return [...node, raw];
      return isObject(node) ? membersOf([...Object.entries(node), [name, raw]]) : raw;
    case 'remove':
      if (Array.isArray(node)) return node.slice(1);
      return isObject(node) ? membersOf(Object.entries(node).slice(1)) : null;
    case 'wrap':
      return [node];
    case 'repeat': {
      // Members that come twice: the text has to be made by hand.
      if (!isObject(node) || Object.keys(node).length === 0) return [node, node];
      const inside = textOf(node).slice(1, -1);
      return new Raw(`{${inside},${JSON.stringify(Object.keys(node)[0])}:${raw.text},${inside}}`);
    }
    default:
      return raw;
  }
}

function placesIn(node: unknown): number {
  if (Array.isArray(node)) return node.reduce<number>((sum, entry) => sum + placesIn(entry), 1);
  if (!isObject(node)) return 1;
  return Object.values(node).reduce<number>((sum, member) => sum + placesIn(member), 1);
}

function textOf(value: unknown): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${textOf(member)}`)}}`;
}

/** Also for `__proto__`, which an assignment would not make a member. */
function membersOf(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Raw);
}

function damaged(text: string, damage: Cut): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (damage === null) return bytes;
  const at = bytes.length === 0 ? 0 : damage.at % bytes.length;
  switch (damage.how) {
    case 'truncate':
      return bytes.slice(0, at);
    case 'flip':
      return bytes.map((byte, i) => (i === at ? byte ^ 0x80 : byte));
    case 'twice':
      return new TextEncoder().encode(text + text);
    case 'bom':
      return new TextEncoder().encode(`\ufeff${text}`);
    case 'utf16':
      return new Uint8Array(Uint16Array.from(text, (c) => c.charCodeAt(0)).buffer);
    case 'tail':
      return new TextEncoder().encode(`${text}\u0000`);
    default:
      return new TextEncoder().encode(text + ' '.repeat(70_000));
  }
}
