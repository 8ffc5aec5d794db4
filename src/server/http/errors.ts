/** Thrown when the server can't take the request now; another moment, or another server, can: 503. */
export class OverloadError extends Error {
  override readonly name = 'OverloadError';
}

/** Thrown when the connection broke, so that nobody waits for an answer. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}
