/** A message that does not follow the protocol: says which part of it and what was expected there. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

const LONGEST = 80;

/** A value of somebody else's message as it stands in ours: never long, never deep. */
export function excerpt(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string' && value.length > LONGEST) {
    return `${JSON.stringify(value.slice(0, LONGEST))}...`;
  }
  return JSON.stringify(value) ?? String(value);
}
