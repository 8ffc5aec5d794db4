/** One file as an answer: whole or a part, or only the news that the caller has it already. */
import type { Context } from 'hono';
import type { AppEnv } from '../app-env.ts';
import { Problem } from '../problem.ts';
import { answerTo, type Validators } from './conditions.ts';

export interface Download extends Validators {
  readonly contentType: string;
  /** What a browser saves it as. */
  readonly filename: string;
  /** Shown in a browser rather than saved, unless the query says `download=1`. */
  readonly inline: boolean;
  /** Bytes `offset` to `offset + length`. */
  open(offset: number, length: number): Promise<ReadableStream<Uint8Array>>;
}

/** The bytes of a finished sample never change. */
const CACHE_CONTROL = 'private, max-age=31536000, immutable';

/** @throws {Problem} precondition-failed, range-not-satisfiable */
export async function sendDownload(c: Context<AppEnv>, file: Download): Promise<Response> {
  const { method } = c.req.raw;
  const answer = answerTo(method, c.req.raw.headers, file);
  if (answer.status === 412) {
    throw new Problem('precondition-failed', `what is here has the ETag ${file.etag}`);
  }
  if (answer.status === 416) {
    c.header('Content-Range', `bytes */${file.size}`);
    throw new Problem('range-not-satisfiable', `there are ${file.size} bytes here`);
  }
  const headers = new Headers({
    ETag: file.etag,
    'Last-Modified': file.lastModified.toUTCString(),
    'Cache-Control': CACHE_CONTROL,
    'Accept-Ranges': 'bytes',
  });
  if (answer.status === 304) return new Response(null, { status: 304, headers });

  const { offset, length } = answer.status === 206 ? answer : { offset: 0, length: file.size };
  headers.set('Content-Type', file.contentType);
  headers.set('Content-Length', String(length));
  const disposition = file.inline && c.req.query('download') !== '1' ? 'inline' : 'attachment';
  headers.set('Content-Disposition', `${disposition}; filename="${file.filename}"`);
  if (answer.status === 206) {
    headers.set('Content-Range', `bytes ${offset}-${offset + length - 1}/${file.size}`);
  }
  if (method === 'HEAD') return new Response(null, { headers });

  // Without a stream of a fixed length the runtime would leave Content-Length out.
  const { readable, writable } = new FixedLengthStream(length);
  const sent = (await file.open(offset, length)).pipeTo(writable);
  c.executionCtx.waitUntil(sent.catch(() => {})); // who reads it is told by the broken stream
  return new Response(readable, { status: answer.status, headers });
}
