/** `/v1/account`: the caller's own account; and `PATCH /v1/accounts/{id}`: the operator's word on its quotas. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { findAccount } from '../../store/accounts.ts';
import { endOfDay, type QuotaOverrides, readOverrides, readUse, setQuotas } from '../../store/quotas.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { validationHook } from '../openapi-hook.ts';
import { Problem } from '../problem.ts';
import { defaultQuotas } from '../quotas.ts';
import {
  type AccountPatch,
  accountPatch,
  type OwnAccountResponse,
  ownAccountResponse,
} from '../schemas/account.ts';
import { problem, requireJson } from './shared.ts';

const body = { 'application/json': { schema: ownAccountResponse } };

const read = createRoute({
  method: 'get',
  path: '/v1/account',
  summary: 'The account of this key: its quotas and how far they are used',
  responses: { 200: { description: 'The account', content: body } },
});

const patch = createRoute({
  method: 'patch',
  path: '/v1/accounts/{id}',
  summary: "Set an account's own quotas",
  middleware: [requireScope('admin'), requireJson] as const,
  request: {
    params: z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) }),
    body: { content: { 'application/json': { schema: accountPatch } }, required: true },
  },
  responses: {
    200: { description: 'The account as it is now', content: body },
    403: problem('The key is not an admin key'),
    404: problem('No such account'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

export const account = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(read, async (c) => c.json(await describe(c, accountOf(c)), 200))
  .openapi(patch, async (c) => {
    const { id } = c.req.valid('param');
    const known = await readOverrides(c.env.DB, id);
    if (known === null) throw unknownAccount(id);
    await setQuotas(c.env.DB, id, merged(known, c.req.valid('json').quotas));
    // The queue looks for itself within a minute; this saves the minute.
    await c.env.ACCOUNT_QUEUES.get(c.env.ACCOUNT_QUEUES.idFromName(id))
      .refresh(id)
      .catch(() => {});
    return c.json(await describe(c, id), 200);
  });

function merged(known: QuotaOverrides, wanted: AccountPatch['quotas']): QuotaOverrides {
  const pick = (value: number | null | undefined, old: number | null) => (value === undefined ? old : value);
  return {
    activeJobs: pick(wanted.active_jobs, known.activeJobs),
    runningJobs: pick(wanted.running_jobs, known.runningJobs),
    imagesPerDay: pick(wanted.images_per_day, known.imagesPerDay),
    imageStepsPerDay: pick(wanted.image_steps_per_day, known.imageStepsPerDay),
  };
}

async function describe(c: Context<AppEnv>, id: string): Promise<OwnAccountResponse> {
  const now = Date.now();
  const [found, state] = await Promise.all([
    findAccount(c.env.DB, id),
    readUse(c.env.DB, id, defaultQuotas(c.env), now),
  ]);
  if (found === null || state === null) throw unknownAccount(id);
  const { quotas, use } = state;
  const resets_at = new Date(endOfDay(now)).toISOString();
  return {
    id,
    name: found.name,
    created_at: new Date(found.createdAt).toISOString(),
    quotas: {
      active_jobs: { limit: quotas.activeJobs, used: use.activeJobs },
      running_jobs: { limit: quotas.runningJobs },
      images_per_day: { limit: quotas.imagesPerDay, used: use.images, resets_at },
      image_steps_per_day: { limit: quotas.imageStepsPerDay, used: use.imageSteps, resets_at },
    },
  };
}

function unknownAccount(id: string): Problem {
  return new Problem('unknown-account', `no account ${JSON.stringify(id)}`);
}
