/**
 * Links that need no key until they expire: an HMAC-SHA-256 over method, path and expiry in their query. They work
 * where no header can be set: in `<img>`, `EventSource`, `WebSocket`, a browser's download.
 */
import type { ProblemType } from '../problem.ts';

export interface SigningEnv {
  readonly URL_SIGNING_SECRET?: string;
  readonly URL_SIGNING_SECRET_PREVIOUS?: string;
}

/** Why a signature does not open a path. */
export interface SignatureFault {
  readonly type: Extract<ProblemType, 'signature-invalid' | 'signature-expired'>;
  readonly detail: string;
}

/** Characters: less could be guessed. */
const MIN_SECRET_LENGTH = 32;
const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;

/** Whether URLs are signed at all; without a secret every request needs a key. */
export function signsUrls(env: SigningEnv): boolean {
  return (env.URL_SIGNING_SECRET ?? '') !== '';
}

/**
 * The URL for GET and HEAD until `expires`; unchanged if this deployment signs no URLs. Other fields of the query may
 * be added: they are not part of what is signed.
 *
 * @param expires seconds since the epoch
 * @throws {Error} for a secret that is too short
 */
export async function signUrl(url: string, expires: number, env: SigningEnv): Promise<string> {
  if (!signsUrls(env)) return url;
  const signed = new URL(url);
  const key = await keyOf(env.URL_SIGNING_SECRET!);
  const mac = await crypto.subtle.sign(HMAC, key, message(signed.pathname, String(expires)));
  signed.searchParams.set('expires', String(expires));
  signed.searchParams.set('signature', toBase64Url(new Uint8Array(mac)));
  return signed.href;
}

/** Whether a URL brings a signature, good or not. */
export function isSigned(url: URL): boolean {
  return url.searchParams.has('signature');
}

/**
 * Checks a URL that is fetched, in constant time, against the secret and the one before it.
 *
 * @param now ms since the epoch
 * @returns null if the signature opens the path
 * @throws {Error} for a secret that is too short
 */
export async function signatureFault(url: URL, now: number, env: SigningEnv): Promise<SignatureFault | null> {
  const expires = url.searchParams.get('expires') ?? '';
  const mac = fromBase64Url(url.searchParams.get('signature') ?? '');
  if (!/^[1-9]\d{0,14}$/.test(expires)) return invalid('expires has to be a time in seconds since 1970');
  if (mac === null)
    return invalid('the signature is cut short or altered: expected 43 characters of base64url');
  if (!signsUrls(env)) return invalid('this deployment signs no URLs; use an API key');
  const signed = message(url.pathname, expires);
  const secrets = [env.URL_SIGNING_SECRET!, env.URL_SIGNING_SECRET_PREVIOUS || null];
  const matches = await Promise.all(
    secrets.map(
      async (secret) => secret !== null && crypto.subtle.verify(HMAC, await keyOf(secret), mac, signed),
    ),
  );
  if (!matches.includes(true)) {
    return invalid(
      `the signature is not of the path ${url.pathname} with expires=${expires}: one of them was altered`,
    );
  }
  if (Number(expires) * 1000 > now) return null;
  const at = new Date(Number(expires) * 1000).toISOString();
  return {
    type: 'signature-expired',
    detail: `the link expired at ${at}; read the sample again for a new one`,
  };
}

function invalid(detail: string): SignatureFault {
  return { type: 'signature-invalid', detail };
}

function message(path: string, expires: string) {
  return new TextEncoder().encode(`GET\n${path}\n${expires}`);
}

const keys = new Map<string, Promise<CryptoKey>>();

/** Imported once for each secret: an answer may hold hundreds of links. */
function keyOf(secret: string): Promise<CryptoKey> {
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new Error(
      `a secret that signs URLs has ${secret.length} characters, expected at least ${MIN_SECRET_LENGTH}`,
    );
  }
  const known = keys.get(secret);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey('raw', new TextEncoder().encode(secret), HMAC, false, [
    'sign',
    'verify',
  ]);
  keys.set(secret, key);
  return key;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** @returns null unless it is 32 bytes */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new Uint8Array(Array.from(binary, (c) => c.charCodeAt(0)));
}
