/** `cairn models register`: the folder models/ as the Worker's list of models. */
import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { registerModels } from '../register-models.ts';

export function modelsRegisterCommand(): Command {
  return new Command('register')
    .description("Write the Worker's list of models from the project's folder models/.")
    .action(async () => {
      const { offered, reasons } = await registerModels().catch((error: Error) => {
        throw new CliError(error.message, undefined, { cause: error });
      });
      console.log(`The Worker offers ${offered.join(', ') || 'no model'} from its next start on.`);
      for (const reason of reasons) console.log(`note: ${reason}.`);
    });
}
