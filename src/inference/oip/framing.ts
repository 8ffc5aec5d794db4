/**
 * The binary tensor extension's frame: a JSON header, then the blobs, in one body. With no blob the body is plain
 * JSON and carries no length.
 */
import { excerpt, ProtocolError } from './error.ts';

/** Length of the JSON part in bytes (not characters). */
export const HEADER_LENGTH = 'inference-header-content-length';

/** HTTP headers that a message needs, lower-case. */
export type MessageHeaders = Readonly<Record<string, string>>;

export interface Message {
  readonly headers: MessageHeaders;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A message whose body is still in pieces, the tensors in their own memory. */
export interface MessageParts {
  readonly headers: MessageHeaders;
  readonly parts: readonly Uint8Array[];
}

export function frame(header: object, blobs: readonly Uint8Array[]): MessageParts {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headers =
    blobs.length === 0
      ? { 'content-type': 'application/json' }
      : { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(json.byteLength) };
  return { headers, parts: [json, ...blobs] };
}

/** The message with its body in one piece. */
export function join({ headers, parts }: MessageParts): Message {
  const body = new Uint8Array(byteLength(parts));
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.byteLength;
  }
  return { headers, body };
}

export function byteLength(parts: readonly Uint8Array[]): number {
  return parts.reduce((size, part) => size + part.byteLength, 0);
}

/**
 * @param headerLength value of the header Inference-Header-Content-Length; null if it is absent
 * @throws {ProtocolError} for a length that is none or lies beyond the body, and for malformed JSON
 */
export function unframe<Body extends Uint8Array>(
  headerLength: string | null,
  body: Body,
): { json: unknown; blobs: Body } {
  const length = parseHeaderLength(headerLength) ?? body.byteLength;
  if (length > body.byteLength) {
    throw new ProtocolError(
      `Inference-Header-Content-Length is ${length} but the body has ${body.byteLength} bytes`,
    );
  }
  return { json: parseJson(body.subarray(0, length)), blobs: body.subarray(length) as Body };
}

/**
 * @returns null if the header is absent
 * @throws {ProtocolError} if it is no count
 */
export function parseHeaderLength(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new ProtocolError(`Inference-Header-Content-Length must be a count of bytes, not ${excerpt(header)}`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (error) {
    throw new ProtocolError(`the JSON part can't be read: ${error instanceof Error ? error.message : error}`);
  }
}
