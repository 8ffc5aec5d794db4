/** `/v1/accounts`: for the operator. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { type Account, createAccount, listAccounts } from '../../store/accounts.ts';
import type { AppEnv } from '../app-env.ts';
import { requireScope } from '../auth/authenticate.ts';
import { validationHook } from '../openapi-hook.ts';
import { type AccountResponse, accountRequest, accountResponse } from '../schemas/account.ts';
import { problem, requireJson } from './shared.ts';

const create = createRoute({
  method: 'post',
  path: '/v1/accounts',
  summary: 'Open an account',
  middleware: [requireScope('admin'), requireJson] as const,
  request: { body: { content: { 'application/json': { schema: accountRequest } }, required: true } },
  responses: {
    201: { description: 'The account', content: { 'application/json': { schema: accountResponse } } },
    403: problem('The key is not an admin key'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/accounts',
  summary: 'Every account',
  middleware: requireScope('admin'),
  responses: {
    200: {
      description: 'Oldest first',
      content: { 'application/json': { schema: z.object({ accounts: z.array(accountResponse) }) } },
    },
    403: problem('The key is not an admin key'),
  },
});

export const accounts = new OpenAPIHono<AppEnv>({ defaultHook: validationHook })
  .openapi(create, async (c) =>
    c.json(render(await createAccount(c.env.DB, c.req.valid('json'), Date.now())), 201),
  )
  .openapi(list, async (c) => c.json({ accounts: (await listAccounts(c.env.DB)).map(render) }, 200));

function render({ id, name, createdAt }: Account): AccountResponse {
  return { id, name, created_at: new Date(createdAt).toISOString() };
}
