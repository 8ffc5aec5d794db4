/**
 * The binary tensor extension's frame: a JSON header, then the blobs, in one body. With no blob the body is plain
 * JSON and carries no length.
 */
import { ProtocolError } from './error.ts';

/** Length of the JSON part in bytes (not characters). */
export const HEADER_LENGTH = 'inference-header-content-length';

export interface Message {
  /** HTTP headers the message needs, lower-case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

export function frame(header: object, blobs: readonly Uint8Array[]): Message {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const body = new Uint8Array(blobs.reduce((size, blob) => size + blob.byteLength, json.byteLength));
  body.set(json);
  let offset = json.byteLength;
  for (const blob of blobs) {
    body.set(blob, offset);
    offset += blob.byteLength;
  }
  const headers =
    blobs.length === 0
      ? { 'content-type': 'application/json' }
      : { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(json.byteLength) };
  return { headers, body };
}

/**
 * @param headerLength value of the header Inference-Header-Content-Length; null if it is absent
 * @throws {ProtocolError} for a length that is none or lies beyond the body, and for malformed JSON
 */
export function unframe(headerLength: string | null, body: Uint8Array): { json: unknown; blobs: Uint8Array } {
  const length = headerLength === null ? body.byteLength : Number(headerLength);
  if (headerLength !== null && !/^\d+$/.test(headerLength)) {
    throw new ProtocolError(
      `Inference-Header-Content-Length must be a count of bytes, not "${headerLength}"`,
    );
  }
  if (length > body.byteLength) {
    throw new ProtocolError(
      `Inference-Header-Content-Length is ${length} but the body has ${body.byteLength} bytes`,
    );
  }
  return { json: parseJson(body.subarray(0, length)), blobs: body.subarray(length) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (error) {
    throw new ProtocolError(`the JSON part can't be read: ${error instanceof Error ? error.message : error}`);
  }
}
