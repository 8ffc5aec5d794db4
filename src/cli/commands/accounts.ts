/** `cairn accounts`: for the operator, whose admin token is the key. */
import { Command, InvalidArgumentError } from 'commander';
import type { AccountPatch, OwnAccountResponse } from '../../client/index.ts';
import { type ApiContext, apiCommand, type FlagNames, print, withApi } from '../api/api-command.ts';
import { table } from '../api/describe.ts';
import { definedOf } from '../api/request-flags.ts';
import { wholeNumber } from '../parse-option.ts';

export function accountsCommand(): Command {
  return new Command('accounts')
    .description('Open and list accounts, and set their quotas: for the operator, with ADMIN_TOKEN as --key.')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(quotasCommand());
}

function createCommand(): Command {
  return apiCommand('create', 'Open an account.')
    .argument('<name>', 'whose it is')
    .action(withApi(create, { name: 'the name' }));
}

async function create(context: ApiContext, _flags: object, name: string): Promise<void> {
  const account = await context.client.accounts.create({ name }, { signal: context.signal });
  const next = `Make its first key with: cairn keys create NAME --account ${account.id}`;
  print(context, account, `${account.id} (${account.name})\n${next}`);
}

function listCommand(): Command {
  return apiCommand('list', 'List every account, the oldest first.').action(withApi(list));
}

async function list(context: ApiContext): Promise<void> {
  const accounts = await context.client.accounts.list({ signal: context.signal });
  const rows = accounts.map(({ id, name, created_at }) => [id, name, created_at]);
  print(
    context,
    { accounts },
    accounts.length === 0 ? 'No account.' : table([['ACCOUNT', 'NAME', 'CREATED'], ...rows]),
  );
}

/** A limit, or the deployment's own. */
type Quota = number | 'default';

interface QuotaFlags {
  readonly activeJobs?: Quota;
  readonly runningJobs?: Quota;
  readonly imagesPerDay?: Quota;
  readonly imageStepsPerDay?: Quota;
}

const QUOTA_NAMES: FlagNames = {
  active_jobs: '--active-jobs',
  running_jobs: '--running-jobs',
  images_per_day: '--images-per-day',
  image_steps_per_day: '--image-steps-per-day',
};

function quotasCommand(): Command {
  return apiCommand('quotas', 'Set quotas of an account, and show them with what is used.')
    .argument('<id>', 'of the account')
    .option('--active-jobs <limit>', 'jobs that are not over; "default": as the deployment says', quota)
    .option('--running-jobs <limit>', 'jobs that take steps at the same time', quota)
    .option('--images-per-day <limit>', 'images asked for in a day (UTC)', quota)
    .option('--image-steps-per-day <limit>', 'images times steps asked for in a day (UTC)', quota)
    .action(withApi(quotas, QUOTA_NAMES));
}

async function quotas(context: ApiContext, flags: QuotaFlags, id: string): Promise<void> {
  const limit = (flag: Quota | undefined) => (flag === 'default' ? null : flag);
  const wanted: AccountPatch['quotas'] = definedOf({
    active_jobs: limit(flags.activeJobs),
    running_jobs: limit(flags.runningJobs),
    images_per_day: limit(flags.imagesPerDay),
    image_steps_per_day: limit(flags.imageStepsPerDay),
  });
  const account = await context.client.accounts.update(id, { quotas: wanted }, { signal: context.signal });
  print(context, account, describeQuotas(account));
}

function describeQuotas({ id, name, quotas }: OwnAccountResponse): string {
  const rows = Object.entries(quotas).map(([quotaName, quota]) => [
    quotaName,
    String(quota.limit),
    'used' in quota ? String(quota.used) : '',
    'resets_at' in quota ? quota.resets_at : '',
  ]);
  return `${id} (${name})\n${table([['QUOTA', 'LIMIT', 'USED', 'RESETS'], ...rows])}`;
}

function quota(text: string): Quota {
  if (text === 'default') return text;
  try {
    return wholeNumber(0)(text);
  } catch {
    throw new InvalidArgumentError('Expected a whole number, 0 or more, or "default".');
  }
}
