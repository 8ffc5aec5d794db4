/** Files that are made while they are sent: their parts are of known size, and only those that are asked for are made. */

export interface Segment {
  /** Bytes. */
  readonly size: number;
  /** @returns as many bytes */
  read(): Uint8Array | Promise<Uint8Array>;
}

/** Parts that are made ahead of the reader, to hide the time that one takes; more would only cost memory. */
const AHEAD = 4;

export function segmentOf(...parts: readonly Uint8Array[]): Segment {
  const bytes = concat(parts);
  return { size: bytes.length, read: () => bytes };
}

export function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Bytes `offset` to `offset + length` of the segments in a row. A segment that can't be made, or has another size than
 * it said, breaks the stream off.
 */
export function streamSegments(
  segments: readonly Segment[],
  offset: number,
  length: number,
): ReadableStream<Uint8Array> {
  const wanted = cut(segments, offset, length);
  const ahead: Promise<Uint8Array>[] = [];
  let next = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (next < wanted.length && ahead.length < AHEAD) {
        const part = readCut(wanted[next++]!);
        part.catch(() => {}); // reported when its turn comes
        ahead.push(part);
      }
      const part = ahead.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(await part);
    },
  });
}

interface Cut {
  readonly segment: Segment;
  /** Within the segment. */
  readonly from: number;
  readonly to: number;
}

function cut(segments: readonly Segment[], offset: number, length: number): Cut[] {
  const cuts: Cut[] = [];
  let at = 0;
  for (const segment of segments) {
    const from = Math.max(0, offset - at);
    const to = Math.min(segment.size, offset + length - at);
    if (from < to) cuts.push({ segment, from, to });
    at += segment.size;
  }
  return cuts;
}

async function readCut({ segment, from, to }: Cut): Promise<Uint8Array> {
  const bytes = await segment.read();
  if (bytes.length !== segment.size) {
    throw new Error(`a part of a download has ${bytes.length} bytes, expected ${segment.size}`);
  }
  return bytes.subarray(from, to);
}
