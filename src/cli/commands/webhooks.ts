/** `cairn webhooks`: endpoints of the account, and what was delivered to them. */
import { Command, Option } from 'commander';
import type {
  DeliveryFilter,
  RedeliverRequest,
  WebhookDeliveryResponse,
  WebhookEndpointRequest,
} from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { table } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';

export function webhooksCommand(): Command {
  return new Command('webhooks')
    .description('Make, list, test and delete webhook endpoints; see deliveries and send them again.')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(deleteCommand())
    .addCommand(rotateCommand())
    .addCommand(testCommand())
    .addCommand(deliveriesCommand())
    .addCommand(redeliverCommand());
}

const list = (text: string) => text.split(',').map((entry) => entry.trim());

function createCommand(): Command {
  return apiCommand('create', 'Make an endpoint. Its secret is shown this once.')
    .argument('<url>', 'is told; https and public, except on this machine')
    .option('--events <list>', 'what it is told of, with commas between (default: the ends)', list)
    .option('--description <text>', 'what it is for')
    .action(withApi(create, { url: 'the URL', events: '--events', description: '--description' }));
}

async function create(context: ApiContext, flags: Omit<WebhookEndpointRequest, 'url'>, url: string) {
  const { events, description } = flags;
  const request = { url, ...definedOf({ events, description }) } as WebhookEndpointRequest;
  const made = await context.client.webhooks.create(request, { signal: context.signal });
  print(
    context,
    made,
    `${made.id} is told of ${made.events.join(', ')}\nIts secret, shown this once:\n${made.secret}`,
  );
}

function listCommand(): Command {
  return apiCommand('list', 'List the endpoints of the account.').action(withApi(listEndpoints));
}

async function listEndpoints(context: ApiContext): Promise<void> {
  const data = await context.client.webhooks.list({ signal: context.signal });
  const rows = data.map(({ id, url, disabled, events }) => [
    id,
    disabled === null ? 'enabled' : `disabled (${disabled.reason})`,
    url,
    events.join(','),
  ]);
  print(context, { data }, table([['ENDPOINT', 'STATE', 'URL', 'EVENTS'], ...rows]));
}

function deleteCommand(): Command {
  return apiCommand('delete', 'Delete an endpoint; the log of its deliveries stays.')
    .argument('<id>', 'of the endpoint')
    .action(withApi(deleteEndpoint));
}

async function deleteEndpoint(context: ApiContext, _flags: object, id: string): Promise<void> {
  await context.client.webhooks.delete(id, { signal: context.signal });
  print(context, { id, deleted: true }, `${id} is deleted.`);
}

function rotateCommand(): Command {
  return apiCommand('rotate', 'Replace the secret of an endpoint; for a while both sign.')
    .argument('<id>', 'of the endpoint')
    .option('--grace <seconds>', 'how long the old one goes on signing (default: a day)', wholeNumber(0))
    .action(withApi(rotate, { grace_seconds: '--grace' }));
}

async function rotate(context: ApiContext, { grace }: { grace?: number }, id: string): Promise<void> {
  const { signal } = context;
  const made = await context.client.webhooks.rotateSecret(id, {
    signal,
    ...(grace !== undefined && { graceSeconds: grace }),
  });
  print(context, made, `The new secret of ${made.id}, shown this once:\n${made.secret}`);
}

function testCommand(): Command {
  return apiCommand('test', 'Send a test event to an endpoint now; exit code 1 if it does not arrive.')
    .argument('<id>', 'of the endpoint')
    .action(withApi(testEndpoint));
}

async function testEndpoint(context: ApiContext, _flags: object, id: string): Promise<void> {
  const { signal } = context;
  const outcome = await context.client.webhooks.test(id, { signal });
  print(context, outcome, `${outcome.message_id}: ${outcome.result}`);
  if (!outcome.delivered) throw new CliError(`the endpoint did not take the test event: ${outcome.result}`);
}

interface DeliveryFlags {
  readonly endpoint?: string;
  readonly sample?: string;
  readonly status?: WebhookDeliveryResponse['status'];
  readonly since?: string;
  readonly until?: string;
}

interface ListFlags extends DeliveryFlags {
  readonly limit: number;
}

const FILTER_NAMES = { since: '--since', until: '--until', endpoint: '--endpoint', status: '--status' };
const LARGEST_PAGE = 100;

function addFilters(command: Command, statuses: readonly string[]): Command {
  return command
    .option('--endpoint <id>', 'to this endpoint only')
    .option('--sample <id>', 'of this sample only')
    .addOption(new Option('--status <name>', 'of this status only').choices(statuses))
    .option('--since <time>', 'not before this time, e.g. 2026-11-22T12:00:00Z')
    .option('--until <time>', 'before this time');
}

function deliveriesCommand(): Command {
  const command = apiCommand('deliveries', 'List deliveries, newest first.');
  return addFilters(command, ['pending', 'delivered', 'dead'])
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
  const rows = data.map(({ id, status, event, attempts, last_result, url }) => [
    id,
    status,
    event,
    String(attempts),
    last_result ?? '',
    url,
  ]);
  print(context, { data }, table([['DELIVERY', 'STATUS', 'EVENT', 'TRIES', 'LAST RESULT', 'URL'], ...rows]));
}

function redeliverCommand(): Command {
  const command = apiCommand(
    'redeliver',
    'Send one delivery again, or with --since every dead one of a time range.',
  ).argument('[id]', 'of the delivery');
  return addFilters(command, ['dead', 'delivered']).action(withApi<DeliveryFlags>(redeliver, FILTER_NAMES));
}

async function redeliver(context: ApiContext, flags: DeliveryFlags, id: string | undefined): Promise<void> {
  const { client, signal } = context;
  if (id !== undefined) {
    const delivery = await client.webhooks.redeliver(id, { signal });
    return print(context, delivery, `${id} is ${delivery.status}.`);
  }
  if (flags.since === undefined) {
    throw new CliError('expected the id of a delivery, or --since for a time range', EXIT_USAGE);
  }
  const outcome = await client.webhooks.redeliverAll(filterOf(flags) as RedeliverRequest, { signal });
  const more = outcome.more ? '; there may be more: run it again' : '';
  print(context, outcome, `${outcome.redelivered} deliveries are sent again${more}.`);
}

function filterOf({ endpoint, sample, status, since, until }: DeliveryFlags): DeliveryFilter {
  return definedOf({ endpoint, sample, status, since, until });
}
