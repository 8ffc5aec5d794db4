/** What a key may do. */
export const SCOPES = [
  'samples:read',
  'samples:write',
  'webhooks:read',
  'webhooks:write',
  'keys:read',
  'keys:write',
  'admin',
] as const;

/** `admin`: everything above in every account, and the accounts themselves. */
export type Scope = (typeof SCOPES)[number];

/** What a key gets that was created without a word about scopes: all but the power to make further keys. */
export const DEFAULT_SCOPES: readonly Scope[] = [
  'samples:read',
  'samples:write',
  'webhooks:read',
  'webhooks:write',
];

export function allows(granted: readonly Scope[], wanted: Scope): boolean {
  return granted.includes(wanted) || granted.includes('admin');
}
