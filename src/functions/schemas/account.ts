/** Accounts and keys as the API shows them. */
import { z } from '@hono/zod-openapi';
import { DEFAULT_SCOPES, SCOPES } from '../../store/scopes.ts';

const timestamp = z.iso.datetime();
const name = z.string().trim().min(1).max(200);
const scope = z.enum(SCOPES, { error: `expected one of ${SCOPES.join(', ')}` }).openapi('Scope');

export const accountRequest = z.strictObject({ name }).openapi('AccountRequest');

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
    expires_at: timestamp.optional().openapi({ description: 'When it stops working; by default never.' }),
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

export type AccountResponse = z.infer<typeof accountResponse>;
export type KeyRequest = z.infer<typeof keyRequest>;
export type KeyResponse = z.infer<typeof keyResponse>;
export type NewKeyResponse = z.infer<typeof newKeyResponse>;
