/** The commands, and how every one of them ends: 0 done, 1 failed, 2 a wrong flag or value, 130 after Ctrl-C. */
import tab from '@bomb.sh/tab/commander';
import { Command, CommanderError } from 'commander';
import { CliError, EXIT_FAILURE, EXIT_USAGE } from './cli-error.ts';
import { accountsCommand } from './commands/accounts.ts';
import { benchCommand } from './commands/bench.ts';
import { convertCommand } from './commands/convert.ts';
import { demoCommand } from './commands/demo.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { forkCommand, replayCommand } from './commands/fork.ts';
import { gradientCommand } from './commands/gradient.ts';
import { inspectCommand } from './commands/inspect.ts';
import { keysCommand } from './commands/keys.ts';
import { listCommand } from './commands/list.ts';
import { modelsCommand } from './commands/models.ts';
import { sampleCommand } from './commands/sample.ts';
import {
  cancelCommand,
  deleteCommand,
  downloadCommand,
  getCommand,
  pauseCommand,
  resumeCommand,
} from './commands/samples.ts';
import { serveCommand } from './commands/serve.ts';
import { startCommand } from './commands/start.ts';
import { topCommand } from './commands/top.ts';
import { verifyCommand } from './commands/verify.ts';
import { watchCommand } from './commands/watch.ts';
import { webhooksCommand } from './commands/webhooks.ts';

const COMMANDS = [
  demoCommand,
  startCommand,
  sampleCommand,
  watchCommand,
  listCommand,
  getCommand,
  downloadCommand,
  cancelCommand,
  pauseCommand,
  resumeCommand,
  forkCommand,
  replayCommand,
  deleteCommand,
  keysCommand,
  webhooksCommand,
  accountsCommand,
  convertCommand,
  gradientCommand,
  inspectCommand,
  serveCommand,
  topCommand,
  exportCommand,
  modelsCommand,
  verifyCommand,
  evaluateCommand,
  benchCommand,
];

const EXIT_CODES = `
Exit codes: 0 done, 1 the sample or the API failed, 2 a wrong flag or value, 130 interrupted.`;

/** @returns the exit code; what went wrong is on stderr in one line */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('cairn').description('Classifier-guided diffusion sampling at the edge.');
  for (const create of COMMANDS) program.addCommand(create());
  // `cairn completion bash|zsh|fish` prints the script, which then asks the hidden command `complete`.
  tab(program, { completionCommandName: 'completion' });
  program.addHelpText('after', EXIT_CODES);
  report(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Also for the commands below it. */
function report(command: Command): void {
  for (const child of command.commands) report(child);
  command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: (message, write) => write(message.replace(/^error: /, 'cairn: ')) });
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof CliError) {
    console.error(`cairn: ${error.message}`);
    return error.exitCode;
  }
  console.error(error);
  return EXIT_FAILURE;
}
