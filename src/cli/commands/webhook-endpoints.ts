/** `cairn webhooks create`, `list`, `update`, ...: where the account's webhooks go. */
import type { Command } from 'commander';
import type {
  NewWebhookEndpointResponse,
  WebhookEndpointPatch,
  WebhookEndpointRequest,
  WebhookEndpointResponse,
} from '../../client/index.ts';
import { type ApiContext, apiCommand, type FlagNames, print, withApi } from '../api/api-command.ts';
import { describe, isAhead, table } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';

const commaList = (text: string) => text.split(',').map((entry) => entry.trim());

const FIELD_NAMES: FlagNames = { url: 'the URL', events: '--events', description: '--description' };

export function createCommand(): Command {
  return apiCommand('create', 'Make an endpoint. Its secret is shown this once.')
    .argument('<url>', 'is told; https and public, except on this machine')
    .option('--events <list>', 'what it is told of, with commas between (default: the ends)', commaList)
    .option('--description <text>', 'what it is for')
    .action(withApi(create, FIELD_NAMES));
}

async function create(context: ApiContext, flags: Omit<WebhookEndpointRequest, 'url'>, url: string) {
  const { events, description } = flags;
  const request = { url, ...definedOf({ events, description }) } as WebhookEndpointRequest;
  const made = await context.client.webhooks.create(request, { signal: context.signal });
  print(context, made, `${describeEndpoint(made)}\n${describeSecret(made)}`);
}

export function listCommand(): Command {
  return apiCommand('list', 'List the endpoints of the account.').action(withApi(list));
}

async function list(context: ApiContext): Promise<void> {
  const data = await context.client.webhooks.list({ signal: context.signal });
  const rows = data.map((endpoint) => [
    endpoint.id,
    stateOf(endpoint),
    endpoint.url,
    endpoint.events.join(','),
    endpoint.description,
  ]);
  const header = ['ENDPOINT', 'STATE', 'URL', 'EVENTS', 'DESCRIPTION'];
  print(context, { data }, data.length === 0 ? 'No endpoint.' : table([header, ...rows]));
}

export function updateCommand(): Command {
  return apiCommand('update', 'Change where an endpoint is, what it is told of, or what it is for.')
    .argument('<id>', 'of the endpoint')
    .option('--url <url>', 'is told from now on, of what is still pending too')
    .option('--events <list>', 'what it is told of, with commas between', commaList)
    .option('--description <text>', 'what it is for')
    .action(withApi(update, { ...FIELD_NAMES, url: '--url' }));
}

async function update(context: ApiContext, flags: WebhookEndpointPatch, id: string): Promise<void> {
  const { url, events, description } = flags;
  const change = definedOf({ url, events, description });
  if (Object.keys(change).length === 0) {
    throw new CliError('expected --url, --events or --description', EXIT_USAGE);
  }
  await patch(context, id, change);
}

export function disableCommand(): Command {
  return apiCommand('disable', 'Send an endpoint nothing more; what is pending for it becomes a dead letter.')
    .argument('<id>', 'of the endpoint')
    .action(withApi((context, _flags, id: string) => patch(context, id, { enabled: false })));
}

export function enableCommand(): Command {
  return apiCommand('enable', 'Take up an endpoint again, whatever it was disabled for.')
    .argument('<id>', 'of the endpoint')
    .addHelpText('after', '\nWhat it missed is sent by: cairn webhooks redeliver --endpoint ID --since TIME')
    .action(withApi((context, _flags, id: string) => patch(context, id, { enabled: true })));
}

async function patch(context: ApiContext, id: string, change: WebhookEndpointPatch): Promise<void> {
  const endpoint = await context.client.webhooks.update(id, change, { signal: context.signal });
  print(context, endpoint, describeEndpoint(endpoint));
}

export function rotateCommand(): Command {
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
  print(context, made, `${describeEndpoint(made)}\n${describeSecret(made)}`);
}

export function testCommand(): Command {
  return apiCommand('test', 'Send a test event to an endpoint now; exit code 1 if it does not arrive.')
    .argument('<id>', 'of the endpoint')
    .action(withApi(test));
}

async function test(context: ApiContext, _flags: object, id: string): Promise<void> {
  const { signal } = context;
  const outcome = await context.client.webhooks.test(id, { signal });
  print(context, outcome, `${outcome.message_id}: ${outcome.result}`);
  if (!outcome.delivered) throw new CliError(`the endpoint did not take the test event: ${outcome.result}`);
}

export function deleteCommand(): Command {
  return apiCommand('delete', 'Delete an endpoint; the log of its deliveries stays.')
    .argument('<id>', 'of the endpoint')
    .action(withApi(remove));
}

async function remove(context: ApiContext, _flags: object, id: string): Promise<void> {
  await context.client.webhooks.delete(id, { signal: context.signal });
  print(context, { id, deleted: true }, `${id} is deleted.`);
}

function describeEndpoint(endpoint: WebhookEndpointResponse): string {
  const { id, url, events, description, disabled, previous_secret_until } = endpoint;
  return describe(`${id}  ${stateOf(endpoint)}`, [
    ['url', url],
    ['events', events.join(', ')],
    ['for', description || null],
    ['disabled', disabled === null ? null : `${disabled.at}, ${disabled.detail}`],
    ['secrets', isAhead(previous_secret_until) ? `two, the old one until ${previous_secret_until}` : null],
  ]);
}

function describeSecret({ secret }: NewWebhookEndpointResponse): string {
  return `Its secret, shown this once:\n${secret}`;
}

function stateOf({ disabled, failing_since }: WebhookEndpointResponse): string {
  if (disabled !== null) return `disabled (${disabled.reason})`;
  return failing_since === null ? 'enabled' : `failing since ${failing_since}`;
}
