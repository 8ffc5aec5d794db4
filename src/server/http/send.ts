/** An answer in pieces, straight to Node's response: tensors leave from where they lie. */
import type { ServerResponse } from 'node:http';
import { byteLength, type MessageParts } from '../../inference/oip/framing.ts';
import type { ByteBudget } from './byte-budget.ts';

export interface SendOptions {
  readonly budget: ByteBudget;
  /** Longest wait for a client to take the whole answer, in milliseconds; then its connection is cut. */
  readonly timeoutMs: number;
}

/** @returns the answer's length in bytes; a client that has gone gets nothing */
export function send(
  outgoing: ServerResponse,
  { headers, parts }: MessageParts,
  { budget, timeoutMs }: SendOptions,
): number {
  const size = byteLength(parts);
  if (outgoing.destroyed) return 0;
  budget.hold(size);
  const slow = setTimeout(() => outgoing.destroy(), timeoutMs);
  outgoing.once('close', () => {
    clearTimeout(slow);
    budget.release(size);
  });
  outgoing.writeHead(200, { ...headers, 'content-length': size });
  // One call of the system for head and body.
  outgoing.cork();
  for (const part of parts) outgoing.write(part);
  outgoing.end();
  return size;
}
