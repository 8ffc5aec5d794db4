import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manifestJsonSchema } from '../../src/models/json-schema.ts';

const readJson = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const published = readJson('../../docs/schemas/model.schema.json');
const manifest = readJson('../../models/mnist-32/model.json');

describe('the published schema', () => {
  it('is the one that Cairn enforces (npm run schema writes it)', () => {
    expect(published).toEqual(manifestJsonSchema());
  });

  it('accepts the manifest of a converted model, and not one with a field too many, too few or wrong', () => {
    const schema = z.fromJSONSchema(published);
    const accepts = (json: unknown) => schema.safeParse(json).success;
    const { name: _, ...nameless } = manifest;
    expect(accepts(manifest)).toBe(true);
    expect(accepts({ ...manifest, colour: 'red' })).toBe(false);
    expect(accepts(nameless)).toBe(false);
    expect(accepts({ ...manifest, manifest_version: 2 })).toBe(false);
    expect(accepts({ ...manifest, classes: [] })).toBe(false);
  });

  it('describes every field', () => {
    const undescribed = fieldsOf(published).filter(({ schema }) => schema.description === undefined);
    expect(undescribed.map(({ path }) => path)).toEqual([]);
  });

  it('has no bound that comes from JavaScript', () => {
    expect(JSON.stringify(published)).not.toContain(String(Number.MAX_SAFE_INTEGER));
  });
});

interface Field {
  readonly path: string;
  readonly schema: { readonly description?: string; readonly properties?: object };
}

function fieldsOf(schema: Field['schema'], prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]): Field[] => [
    { path: `${prefix}${name}`, schema: child },
    ...fieldsOf(child, `${prefix}${name}.`),
  ]);
}
