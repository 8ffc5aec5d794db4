/** An end of the command that needs no stack trace: one line on stderr and an exit code. */

export const EXIT_FAILURE = 1;
/** A wrong flag or value. */
export const EXIT_USAGE = 2;

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILURE, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
