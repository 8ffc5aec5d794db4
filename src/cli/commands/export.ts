/** `cairn export`: for servers other than Cairn's own. */
import { Command } from 'commander';
import { exportKserveCommand } from './export-kserve.ts';
import { exportTritonCommand } from './export-triton.ts';

export function exportCommand(): Command {
  return new Command('export')
    .description('Write what Triton and KServe need to serve model folders.')
    .addCommand(exportTritonCommand())
    .addCommand(exportKserveCommand());
}
