/** `cairn webhooks deliveries`, `delivery`, `redeliver`: what was sent, what came of it, and sending it again. */
import { type Command, Option } from 'commander';
import type {
  DeliveryFilter,
  RedeliverRequest,
  WebhookDeliveryDetailResponse,
  WebhookDeliveryResponse,
} from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { describe, table } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';

interface DeliveryFlags {
  readonly endpoint?: string;
  readonly sample?: string;
  readonly status?: WebhookDeliveryResponse['status'];
  readonly event?: WebhookDeliveryResponse['event'];
  readonly since?: string;
  readonly until?: string;
}

interface ListFlags extends DeliveryFlags {
  readonly limit: number;
}

const FILTER_NAMES = {
  since: '--since',
  until: '--until',
  endpoint: '--endpoint',
  sample: '--sample',
  status: '--status',
  event: '--event',
};
const LARGEST_PAGE = 100;

function addFilters(command: Command, statuses: Option): Command {
  return command
    .option('--endpoint <id>', 'to this endpoint only')
    .option('--sample <id>', 'of this sample only')
    .addOption(statuses)
    .option('--event <name>', 'of this event only, e.g. sample.failed')
    .option('--since <time>', 'not before this time, e.g. 2026-11-22T12:00:00Z')
    .option('--until <time>', 'before this time');
}

export function deliveriesCommand(): Command {
  const statuses = new Option('--status <name>', 'of this status only; dead: dead letters, given up');
  const command = apiCommand('deliveries', 'List deliveries, newest first.');
  return addFilters(command, statuses.choices(['pending', 'delivered', 'dead']))
    .option('--limit <number>', 'at most this many', wholeNumber(1), 20)
    .action(withApi<ListFlags>(deliveries, FILTER_NAMES));
}

async function deliveries(context: ApiContext, { limit, ...flags }: ListFlags): Promise<void> {
  const data: WebhookDeliveryResponse[] = [];
  const filter = { ...filterOf(flags), limit: Math.min(limit, LARGEST_PAGE) };
  for await (const delivery of context.client.webhooks.deliveries({ ...filter, signal: context.signal })) {
    data.push(delivery);
    if (data.length === limit) break;
  }
  const rows = data.map(({ id, created_at, status, event, attempts, last_result, url }) => [
    id,
    created_at,
    event,
    status,
    String(attempts),
    last_result ?? '',
    url,
  ]);
  const header = ['DELIVERY', 'CREATED', 'EVENT', 'STATUS', 'TRIES', 'LAST RESULT', 'URL'];
  print(context, { data }, data.length === 0 ? 'No delivery.' : table([header, ...rows]));
}

export function deliveryCommand(): Command {
  return apiCommand('delivery', 'Show a delivery: every attempt, when the next one is due, what is sent.')
    .argument('<id>', 'of the delivery')
    .action(withApi(delivery));
}

async function delivery(context: ApiContext, _flags: object, id: string): Promise<void> {
  const found = await context.client.webhooks.readDelivery(id, { signal: context.signal });
  print(context, found, describeDelivery(found));
}

export function redeliverCommand(): Command {
  const command = apiCommand(
    'redeliver',
    'Send one delivery again, or with --since every dead one of a time range.',
  ).argument('[id]', 'of the delivery');
  const statuses = new Option('--status <name>', 'of this status only (default: dead)');
  return addFilters(command, statuses.choices(['dead', 'delivered'])).action(
    withApi<DeliveryFlags>(redeliver, FILTER_NAMES),
  );
}

async function redeliver(context: ApiContext, flags: DeliveryFlags, id: string | undefined): Promise<void> {
  const { client, signal } = context;
  const filter = filterOf(flags);
  if ((id === undefined) === (filter.since === undefined)) {
    throw new CliError('expected either the id of a delivery, or --since for a time range', EXIT_USAGE);
  }
  if (id !== undefined) {
    const again = await client.webhooks.redeliver(id, { signal });
    return print(context, again, `${id} is ${again.status}.`);
  }
  const outcome = await client.webhooks.redeliverAll(filter as RedeliverRequest, { signal });
  const more = outcome.more ? ' There may be more: run it again.' : '';
  print(context, outcome, `Sent again: ${outcome.redelivered}.${more}`);
}

function filterOf({ endpoint, sample, status, event, since, until }: DeliveryFlags): DeliveryFilter {
  return definedOf({ endpoint, sample, status, event, since, until });
}

function describeDelivery(delivery: WebhookDeliveryDetailResponse): string {
  const { id, status, event, message_id, sample, endpoint, url, created_at, next_attempt_at } = delivery;
  const attempts = delivery.log.map(({ at, duration_ms, result }) => [at, `${duration_ms} ms`, result]);
  return describe(`${id}  ${status}`, [
    ['event', `${event} (${message_id})`],
    ['sample', sample],
    ['to', endpoint === null ? `${url} (the sample's own)` : `${url} (${endpoint})`],
    ['created', created_at],
    ['attempts', attempts.length === 0 ? 'none yet' : table(attempts)],
    ['next', next_attempt_at],
    ['sends', delivery.body],
  ]);
}
