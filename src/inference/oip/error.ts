/** A message that does not follow the protocol: says which part of it and what was expected there. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}
