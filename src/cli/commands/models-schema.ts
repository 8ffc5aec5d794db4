/** `cairn models schema`: the format of model.json, for editors and other programs. */
import { Command } from 'commander';

export function modelsSchemaCommand(): Command {
  return new Command('schema').description('Print the JSON Schema of model.json.').action(printSchema);
}

async function printSchema(): Promise<void> {
  const { manifestJsonSchema } = await import('../../models/json-schema.ts');
  console.log(JSON.stringify(manifestJsonSchema(), null, 2));
}
