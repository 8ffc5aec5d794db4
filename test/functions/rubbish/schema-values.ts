/** Values that a JSON schema takes, or nearly: where rubbish has to look right to get any further. */
import fc from 'fast-check';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly format?: string;
  readonly example?: unknown;
  readonly default?: unknown;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** What the description can't say: names that exist. By the name of the field. */
export type Hints = Readonly<Record<string, readonly unknown[]>>;

/** Deeper than any body of this API. */
const MAX_DEPTH = 6;
/** Small, so that what is taken by chance costs little. */
const INTEGERS = [0, 1, 2, 3, 60];
const NUMBERS = [0, 0.5, 1, 4];
const TEXTS = ['a', '1', '2', 'ddim2', 'digits', '2026-11-22T12:00:00Z'];

export function valuesOf(
  schema: Schema,
  schemas: Schemas,
  hints: Hints,
  name = '',
  depth = 0,
): fc.Arbitrary<unknown> {
  const inner = (part: Schema, field = name) => valuesOf(part, schemas, hints, field, depth + 1);
  if (depth > MAX_DEPTH) return fc.constant(null);
  const hinted = hints[name];
  if (hinted !== undefined) return fc.constantFrom(...hinted);
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref.split('/').at(-1)!];
    if (target === undefined) throw new Error(`${schema.$ref} leads nowhere`);
    return inner(target);
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => inner(choice)));
  if (schema.allOf !== undefined) {
    return fc
      .tuple(...schema.allOf.map((part) => inner(part)))
      .map((parts) => Object.assign({}, ...parts) as unknown);
  }
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (types.length === 0) return fc.constantFrom<unknown>(null, 0, 'a', [], {});
  return fc.oneof(...types.map((type) => ofType(type, schema, inner)));
}

function ofType(
  type: string,
  schema: Schema,
  inner: (part: Schema, field?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const named = [schema.example, schema.default].filter((value) => typeof value === type);
  switch (type) {
    case 'object':
      return objectOf(schema, inner);
    case 'array':
      return fc.array(inner(schema.items ?? {}), { minLength: 1, maxLength: 3 });
    case 'integer':
      return fc.constantFrom(...INTEGERS);
    case 'number':
      return fc.constantFrom(...NUMBERS);
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.constantFrom<unknown>(...named, ...(named.length > 0 ? [] : TEXTS));
    default:
      return fc.constant(null);
  }
}

function objectOf(
  { properties = {}, required = [], additionalProperties }: Schema,
  inner: (part: Schema, field?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map(([name, part]) =>
    (required.includes(name)
      ? inner(part, name)
      : fc.option(inner(part, name), { nil: undefined, freq: 1 })
    ).map((value) => [name, value] as const),
  );
  const others =
    typeof additionalProperties === 'object'
      ? fc.array(fc.tuple(fc.constantFrom('0', '1', '7', 'note'), inner(additionalProperties)), {
          maxLength: 2,
        })
      : fc.constant([]);
  return fc
    .tuple(fc.tuple(...members), others)
    .map(([own, more]) => Object.fromEntries([...own, ...more].filter(([, value]) => value !== undefined)));
}
