/**
 * Where the API key is kept. In this tab (sessionStorage) unless the user wants it remembered: a key that is left
 * behind in a browser can spend the account's quota.
 */
const NAME = 'cairn-api-key';

export interface StoredKey {
  readonly key: string;
  readonly remembered: boolean;
}

export function readKey(): StoredKey | null {
  const remembered = localStorage.getItem(NAME);
  if (remembered !== null) return { key: remembered, remembered: true };
  const key = sessionStorage.getItem(NAME);
  return key === null ? null : { key, remembered: false };
}

export function storeKey({ key, remembered }: StoredKey): void {
  forgetKey();
  (remembered ? localStorage : sessionStorage).setItem(NAME, key);
}

export function forgetKey(): void {
  localStorage.removeItem(NAME);
  sessionStorage.removeItem(NAME);
}
