/** Flags that describe what to draw, for `cairn sample` and `cairn fork`. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { classList, decimalNumber, wholeNumber } from '../parse-option.ts';
import type { FlagNames } from './api-command.ts';

export interface RequestFlags {
  readonly class?: (number | string)[];
  readonly scale?: number | object;
  readonly steps?: string;
  readonly sampler?: 'ddpm' | 'ddim';
  readonly eta?: number;
  readonly seed?: number;
  readonly keepState?: true;
  readonly keepTrajectory?: number;
  readonly priority?: 'high' | 'normal' | 'low';
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadline?: number;
  readonly webhook?: string;
  readonly body?: string;
}

/** Fields of the request, and the flags that set them. */
export const FLAG_NAMES: FlagNames = {
  model: '--model',
  class: '--class',
  classes: '--class',
  count: '--count',
  labels: '--labels',
  guidance_scale: '--scale',
  steps: '--steps',
  sampler: '--sampler',
  eta: '--eta',
  seed: '--seed',
  step: '--step',
  keep_trajectory: '--keep-trajectory',
  metadata: '--metadata',
  deadline_seconds: '--deadline',
  webhook: '--webhook',
};

export function addRequestFlags(command: Command): Command {
  return command
    .option(
      '--class <list>',
      'classes by index or name, with commas between; image n is of the n-th, over and over',
      classList,
    )
    .option('--scale <number>', 'guidance scale, 0 for none; or a schedule as JSON', guidanceScale)
    .option('--steps <steps>', 'how many, or "ddim25", "10,10,15", "" for all')
    .addOption(new Option('--sampler <name>', 'sampler').choices(['ddpm', 'ddim']))
    .option('--eta <number>', 'noise of ddim, 0 to 1', decimalNumber(0))
    .option('--seed <number>', 'image n is drawn from seed + n', wholeNumber(0))
    .option('--keep-state', 'keep the final tensors for download')
    .option('--keep-trajectory <k>', 'keep every k-th step, to look at and to fork from', wholeNumber(1))
    .addOption(new Option('--priority <name>', 'place in the queue').choices(['high', 'normal', 'low']))
    .option('--metadata <name=value>', 'a note of yours; may be given several times', note, {})
    .option('--deadline <seconds>', 'fail unless it has ended by then', wholeNumber(1))
    .option('--webhook <url>', 'is told when it ends')
    .option('--body <file>', 'JSON of the request, - for stdin; flags win over it');
}

/** The request; only what was said. @throws {CliError} 2 for a body that can't be read */
export async function requestOf(flags: RequestFlags): Promise<Record<string, unknown>> {
  const { scale, steps, keepState, keepTrajectory, deadline, webhook, metadata = {} } = flags;
  return {
    ...(flags.body === undefined ? {} : await readBody(flags.body)),
    ...definedOf({
      classes: flags.class,
      guidance_scale: scale,
      steps: steps === undefined ? undefined : /^[1-9]\d*$/.test(steps) ? Number(steps) : steps,
      sampler: flags.sampler,
      eta: flags.eta,
      seed: flags.seed,
      keep_state: keepState,
      keep_trajectory: keepTrajectory === undefined ? undefined : { every: keepTrajectory, what: 'both' },
      priority: flags.priority,
      metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
      deadline_seconds: deadline,
      webhook: webhook === undefined ? undefined : { url: webhook },
    }),
  };
}

export function definedOf(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function readBody(file: string): Promise<object> {
  try {
    const body: unknown = JSON.parse(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
    throw new Error('expected a JSON object');
  } catch (error) {
    throw new CliError(`--body: ${file}: ${(error as Error).message}`, EXIT_USAGE, { cause: error });
  }
}

function guidanceScale(given: string): number | object {
  if (!given.trimStart().startsWith('{')) return decimalNumber(0)(given);
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new InvalidArgumentError(`Expected a number, or a schedule as JSON: ${(error as Error).message}`);
  }
}

function note(given: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = given.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...before, [given.slice(0, at)]: given.slice(at + 1) };
}
