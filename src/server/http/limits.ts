/** What a client may ask of the server's memory and patience. */
export interface Limits {
  /** Largest request body in bytes; a model whose largest request is smaller takes no more than that. */
  readonly maxBodyBytes: number;
  /** Bytes of bodies, requests and answers together, over all connections. */
  readonly maxBytesInFlight: number;
  readonly maxConnections: number;
  /** For the whole head of a request, and for a TLS handshake, in milliseconds. */
  readonly headTimeoutMs: number;
  /** For a whole request to arrive, and for a whole answer to leave, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** Without a byte of a body that has begun, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Between two requests on one connection, in milliseconds. */
  readonly keepAliveTimeoutMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  maxBodyBytes: 64 * MIB,
  maxBytesInFlight: 512 * MIB,
  maxConnections: 1024,
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  stallTimeoutMs: 10_000,
  // Longer than proxies and fetch() keep theirs, so that it is not the server that closes one just as it is used.
  keepAliveTimeoutMs: 75_000,
};
