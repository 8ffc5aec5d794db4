/** `cairn list`: samples of the account, newest first. */
import { type Command, InvalidArgumentError } from 'commander';
import type { SampleStatus, SampleSummary } from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { describeList } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { wholeNumber } from '../parse-option.ts';

interface ListFlags {
  readonly status?: SampleStatus[];
  readonly model?: string;
  readonly after?: string;
  readonly before?: string;
  readonly limit: number;
}

const STATUSES = ['queued', 'running', 'retrying', 'paused', 'succeeded', 'failed', 'canceled'];
const LARGEST_PAGE = 100;

export function listCommand(): Command {
  return apiCommand('list', 'List samples, newest first.')
    .option('--status <list>', `of these statuses only: ${STATUSES.join(', ')}`, statusList)
    .option('--model <id>', 'of this model only')
    .option('--after <time>', 'made after this time, e.g. 2026-11-22T12:00:00Z')
    .option('--before <time>', 'made before this time')
    .option('--limit <number>', 'at most this many', wholeNumber(1), 20)
    .action(withApi<ListFlags>(list, { created_after: '--after', created_before: '--before' }));
}

async function list(context: ApiContext, { limit, after, before, ...filters }: ListFlags): Promise<void> {
  const { status, model } = filters;
  const query = definedOf({ status, model, created_after: after, created_before: before });
  const found: SampleSummary[] = [];
  const all = context.client.samples({
    ...query,
    limit: Math.min(limit, LARGEST_PAGE),
    signal: context.signal,
  });
  for await (const sample of all) {
    found.push(sample);
    if (found.length === limit) break;
  }
  print(context, { data: found }, describeList(found));
}

function statusList(text: string): SampleStatus[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => STATUSES.includes(name))) return names as SampleStatus[];
  throw new InvalidArgumentError(`Expected ${STATUSES.join(', ')}, or several with commas between.`);
}
