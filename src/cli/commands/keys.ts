/** `cairn keys`: API keys of an account. */
import { Command } from 'commander';
import type { KeyRequest, KeyResponse, NewKeyResponse } from '../../client/index.ts';
import { type ApiContext, apiCommand, print, withApi } from '../api/api-command.ts';
import { isAhead, table } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { wholeNumber } from '../parse-option.ts';

export function keysCommand(): Command {
  return new Command('keys')
    .description('Make, list, rotate and revoke API keys.')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(rotateCommand())
    .addCommand(revokeCommand());
}

function createCommand(): Command {
  return apiCommand('create', 'Make a key. It is shown this once.')
    .argument('<name>', 'what it is for, to tell it from others')
    .option('--scope <list>', 'what it may do, with commas between (default: draw and read)', (text) =>
      text.split(','),
    )
    .option('--expires <time>', 'when it stops working, e.g. 2027-01-01T00:00:00Z (default: never)')
    .option('--account <id>', 'for another account; needs the scope admin')
    .action(withApi(create, { scopes: '--scope', expires_at: '--expires', account: '--account' }));
}

interface CreateFlags {
  readonly scope?: string[];
  readonly expires?: string;
  readonly account?: string;
}

async function create(context: ApiContext, flags: CreateFlags, name: string): Promise<void> {
  const { scope, expires, account } = flags;
  const request = { name, ...definedOf({ scopes: scope, expires_at: expires, account }) } as KeyRequest;
  const made = await context.client.keys.create(request, { signal: context.signal });
  print(context, made, describeNew(made));
}

function listCommand(): Command {
  return apiCommand('list', 'List the keys of the account, revoked ones too.')
    .option('--account <id>', 'of another account; needs the scope admin')
    .action(withApi(list));
}

async function list(context: ApiContext, { account }: { account?: string }): Promise<void> {
  const keys = await context.client.keys.list({
    signal: context.signal,
    ...(account !== undefined && { account }),
  });
  const rows = keys.map((key) => [
    key.id,
    key.name,
    `...${key.hint}`,
    stateOf(key),
    key.last_used_at ?? 'never',
    key.scopes.join(','),
  ]);
  const header = ['KEY', 'NAME', 'ENDS IN', 'STATE', 'LAST USED', 'SCOPES'];
  print(context, { keys }, keys.length === 0 ? 'No key.' : table([header, ...rows]));
}

function rotateCommand(): Command {
  return apiCommand(
    'rotate',
    'Replace a key by a new one, which is shown this once; the old one works on for a while.',
  )
    .argument('<id>', 'of the key')
    .option('--grace <seconds>', 'how long the old one works on (default: a day)', wholeNumber(0))
    .action(withApi(rotate, { grace_seconds: '--grace' }));
}

async function rotate(context: ApiContext, { grace }: { grace?: number }, id: string): Promise<void> {
  const made = await context.client.keys.rotate(id, {
    signal: context.signal,
    ...(grace !== undefined && { graceSeconds: grace }),
  });
  const { previous_until: until } = made;
  const old = isAhead(until) ? `works until ${until}` : 'no longer works';
  print(context, made, `${describeNew(made)}\nThe key before it ${old}.`);
}

function revokeCommand(): Command {
  return apiCommand('revoke', 'Revoke a key at once and for ever.')
    .argument('<id>', 'of the key')
    .action(withApi(revoke));
}

async function revoke(context: ApiContext, _flags: object, id: string): Promise<void> {
  const key = await context.client.keys.revoke(id, { signal: context.signal });
  print(context, key, `${key.id} (${key.name}) is revoked.`);
}

function describeNew({ id, name, key, scopes }: NewKeyResponse): string {
  return `${id} (${name}) may ${scopes.join(', ')}.\nThe key itself, shown this once:\n${key}`;
}

function stateOf({ revoked_at, expires_at }: KeyResponse): string {
  if (revoked_at !== null) return 'revoked';
  if (expires_at === null) return 'active';
  return isAhead(expires_at) ? `active until ${expires_at}` : 'expired';
}
