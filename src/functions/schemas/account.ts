/** Accounts and keys as the API shows them. */
import { z } from '@hono/zod-openapi';
import { DEFAULT_SCOPES, SCOPES } from '../../store/scopes.ts';
import { givenTime, timestamp } from './time.ts';

const name = z.string().trim().min(1).max(200);
const scope = z.enum(SCOPES, { error: `expected one of ${SCOPES.join(', ')}` }).openapi('Scope');

export const accountRequest = z.strictObject({ name }).openapi('AccountRequest');

const limit = z.int().min(0).max(1_000_000_000);

/** Names and meanings of the quotas, in one place. */
const quotaFields = {
  active_jobs: limit.openapi({ description: 'Jobs that are not over, at the same time.' }),
  running_jobs: limit.openapi({
    description: "Jobs that take steps at the same time; the others wait in the account's queue.",
  }),
  images_per_day: limit.openapi({ description: 'Images asked for in a day (UTC).' }),
  image_steps_per_day: limit.openapi({ description: 'Images times steps asked for in a day (UTC).' }),
};

const overrides = z.strictObject({
  active_jobs: quotaFields.active_jobs.nullable().optional(),
  running_jobs: quotaFields.running_jobs.min(1).nullable().optional(),
  images_per_day: quotaFields.images_per_day.nullable().optional(),
  image_steps_per_day: quotaFields.image_steps_per_day.nullable().optional(),
});

export const accountPatch = z
  .strictObject({
    quotas: overrides.openapi({
      description: 'What is null is as the deployment says; what is absent stays.',
    }),
  })
  .openapi('AccountPatch');

const dailyUse = z.object({ limit, used: z.int(), resets_at: timestamp });

export const ownAccountResponse = z
  .object({
    id: z.string(),
    name: z.string(),
    created_at: timestamp,
    quotas: z.object({
      active_jobs: z.object({ limit: quotaFields.active_jobs, used: z.int() }),
      running_jobs: z.object({ limit: quotaFields.running_jobs }),
      images_per_day: dailyUse.extend({ limit: quotaFields.images_per_day }),
      image_steps_per_day: dailyUse.extend({ limit: quotaFields.image_steps_per_day }),
    }),
  })
  .openapi('OwnAccount');

export const accountResponse = z
  .object({
    id: z.string().openapi({ example: 'acc_5mafr3c5y3xq0v1k2h7t9bn8de' }),
    name: z.string(),
    created_at: timestamp,
  })
  .openapi('Account');

export const keyRequest = z
  .strictObject({
    name: name.openapi({ description: 'What it is for, to tell it from others.', example: 'web backend' }),
    scopes: z
      .array(scope)
      .min(1)
      .optional()
      .openapi({
        description: `What it may do; by default ${DEFAULT_SCOPES.join(', ')}. Never more than the key that makes it.`,
      }),
    expires_at: givenTime.optional().openapi({ description: 'When it stops working; by default never.' }),
    account: z
      .string()
      .optional()
      .openapi({ description: "Another account than the caller's own; only with the scope admin." }),
  })
  .openapi('KeyRequest');

/** A day: a deployment changes over within hours. */
const DEFAULT_GRACE_SECONDS = 86_400;
const MAX_GRACE_SECONDS = 30 * 86_400;

export const rotateRequest = z
  .strictObject({
    grace_seconds: z.int().min(0).max(MAX_GRACE_SECONDS).default(DEFAULT_GRACE_SECONDS).openapi({
      description: 'How long the old key goes on working beside the new one.',
    }),
  })
  .openapi('RotateRequest');

export const keyResponse = z
  .object({
    id: z.string().openapi({ example: 'key_5mafr3c5y3xq0v1k2h7t9bn8de' }),
    account: z.string(),
    name: z.string(),
    scopes: z.array(scope),
    hint: z.string().openapi({ description: 'Its last four characters.' }),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    last_used_at: timestamp.nullable().openapi({ description: 'To the minute.' }),
    previous_until: timestamp
      .nullable()
      .openapi({ description: 'Until when the key before the last rotation still works.' }),
  })
  .openapi('Key');

export const newKeyResponse = keyResponse
  .extend({ key: z.string().openapi({ description: 'The key itself. It is never shown again.' }) })
  .openapi('NewKey');

export type AccountPatch = z.infer<typeof accountPatch>;
export type OwnAccountResponse = z.infer<typeof ownAccountResponse>;
export type AccountResponse = z.infer<typeof accountResponse>;
export type KeyRequest = z.infer<typeof keyRequest>;
export type KeyResponse = z.infer<typeof keyResponse>;
export type NewKeyResponse = z.infer<typeof newKeyResponse>;
