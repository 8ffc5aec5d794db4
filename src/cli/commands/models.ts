/** `cairn models`: what concerns model folders. */
import { Command } from 'commander';
import { modelsAddClassifierCommand } from './models-add-classifier.ts';
import { modelsCheckCommand } from './models-check.ts';
import { modelsRegisterCommand } from './models-register.ts';
import { modelsSchemaCommand } from './models-schema.ts';

export function modelsCommand(): Command {
  return new Command('models')
    .description('Look after model folders (model.json and the graphs beside it).')
    .addCommand(modelsCheckCommand())
    .addCommand(modelsAddClassifierCommand())
    .addCommand(modelsRegisterCommand())
    .addCommand(modelsSchemaCommand());
}
