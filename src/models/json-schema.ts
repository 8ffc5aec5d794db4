/** JSON Schema of model.json, for editors and for whoever writes one without Cairn (docs/schemas/model.schema.json). */
import { z } from 'zod';
import { modelManifest } from './manifest.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** @returns the schema that {@link modelManifest} enforces, as JSON Schema 2020-12 */
export function manifestJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(modelManifest, {
    // An integer's bound is JavaScript's, not the format's.
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  return {
    $schema,
    title: 'model.json',
    description: 'What Cairn knows of a model folder: its images, its diffusion process and its ONNX graphs.',
    ...schema,
  };
}
