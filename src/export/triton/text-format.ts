/** Protobuf's text format (https://protobuf.dev/reference/protobuf/textformat-spec/), which config.pbtxt is written in. */

/** A value of an enumeration: a bare name, where a string would have quotes. */
export class EnumValue<Name extends string = string> {
  readonly name: Name;

  constructor(name: Name) {
    this.name = name;
  }
}

export type Scalar = string | number | boolean | EnumValue;

/** Fields by name, written in this order. A list is a repeated field, a Map a map field; undefined is not written. */
export type Message = { readonly [field: string]: Field | undefined };

export type Field =
  | Scalar
  | Message
  | readonly Scalar[]
  | readonly Message[]
  | ReadonlyMap<string, Scalar | Message>;

/** @throws {RangeError} for a number that is no whole one: Triton's configuration has none in what Cairn writes */
export function writeText(message: Message): string {
  return `${messageLines(message, '').join('\n')}\n`;
}

function messageLines(message: Message, indent: string): string[] {
  return Object.entries(message).flatMap(([name, field]) =>
    field === undefined ? [] : fieldLines(name, field, indent),
  );
}

function fieldLines(name: string, field: Field, indent: string): string[] {
  if (field instanceof Map) {
    return [...field].flatMap(([key, value]) => fieldLines(name, { key, value }, indent));
  }
  if (Array.isArray(field)) {
    return field.some(isMessage)
      ? field.flatMap((item) => fieldLines(name, item, indent))
      : [`${indent}${name}: [${field.map(scalarText).join(', ')}]`];
  }
  if (isMessage(field)) return [`${indent}${name} {`, ...messageLines(field, `${indent}  `), `${indent}}`];
  return [`${indent}${name}: ${scalarText(field as Scalar)}`];
}

function isMessage(field: Field): field is Message {
  return typeof field === 'object' && !(field instanceof EnumValue) && !Array.isArray(field);
}

function scalarText(value: Scalar): string {
  if (value instanceof EnumValue) return value.name;
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return String(value);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
  return String(value);
}

/** Control characters would end the line or be refused by some reader; everything else stands as it is, in UTF-8. */
function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const escaped = text.replace(/[\\"\x00-\x1f\x7f]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${escaped}"`;
}
