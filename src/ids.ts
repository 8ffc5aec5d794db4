/** Names of what Cairn keeps: a prefix that says what it is, and 130 random bits. */

/** Crockford's base 32: no letters that look like digits. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 26;

/** @param prefix e.g. `smp` for `smp_5mafr3c5y3xq0v1k2h7t9bn8de` */
export function newId(prefix: string): string {
  return `${prefix}_${randomText(LENGTH)}`;
}

/** Whether `id` could have been given out: anything else needs no look-up. */
export function isId(prefix: string, id: string): boolean {
  return (
    id.length === prefix.length + 1 + LENGTH &&
    id.startsWith(`${prefix}_`) &&
    [...id.slice(prefix.length + 1)].every((c) => ALPHABET.includes(c))
  );
}

/** Five random bits a character. */
export function randomText(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET[byte & 31]).join('');
}
