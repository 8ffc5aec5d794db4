/** What a server says of a model outside of inference: whether it is ready, and its digest. */
import { z } from 'zod';
import { BackendError } from '../backend.ts';
import type { Deadline } from './deadline.ts';
import { type Call, exchange } from './exchange.ts';
import type { PerImage } from './infer-request.ts';

/** Metadata is names and shapes. */
const METADATA_BYTES = 65_536;

/** How a server is reached, and where on it the model is. */
export interface ModelPlace {
  /** `<base>/v2/models/<model>`. */
  readonly url: string;
  /** The part of it from `/v2` on, for messages that clients see. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {BackendError} unless the server says that the model is ready */
export async function askReady(place: ModelPlace, deadline: Deadline): Promise<void> {
  await exchange(get(place, '/ready'), deadline);
}

const metadataDigest = z.object({ parameters: z.object({ digest: z.string() }) });
const configuredDigest = z.object({
  parameters: z.object({ digest: z.object({ string_value: z.string() }) }),
});

/**
 * The digest in the model's metadata, where Cairn's server has it, or in its configuration, where an exported Triton
 * repository keeps it: Triton's metadata has no room for it. Neither is part of the protocol.
 *
 * @returns null if the server gives no digest
 * @throws {BackendError} if the server can't be asked right now
 */
export async function askDigest(place: ModelPlace, deadline: Deadline): Promise<string | null> {
  const metadata = await ask(place, '', metadataDigest, deadline);
  if (metadata !== null) return metadata.parameters.digest;
  const configuration = await ask(place, '/config', configuredDigest, deadline);
  return configuration?.parameters.digest.string_value ?? null;
}

const inputShapes = z.object({
  inputs: z.array(z.object({ name: z.string(), shape: z.array(z.number()) })),
});

/**
 * How the model's metadata wants what is one number per image.
 *
 * @returns null if it does not say
 * @throws {BackendError} if the server can't be asked right now
 */
export async function askPerImage(place: ModelPlace, deadline: Deadline): Promise<PerImage | null> {
  const metadata = await ask(place, '', inputShapes, deadline);
  const rank = metadata?.inputs.find(({ name }) => name === 'timestep')?.shape.length;
  if (rank === 1) return '[N]';
  return rank === 2 ? '[N, 1]' : null;
}

/** @returns null if the server has no such page, or it does not say what `schema` wants to know */
async function ask<T>(
  place: ModelPlace,
  path: string,
  schema: z.ZodType<T>,
  deadline: Deadline,
): Promise<T | null> {
  let body: Uint8Array;
  try {
    ({ body } = await exchange(get(place, path), deadline));
  } catch (error) {
    if (error instanceof BackendError && !error.retryable && error.kind !== 'aborted') return null;
    throw error;
  }
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(body))).data ?? null;
  } catch {
    return null;
  }
}

function get({ url, path, headers }: ModelPlace, page: string): Call {
  return { url: `${url}${page}`, init: { headers }, limit: METADATA_BYTES, what: `GET ${path}${page}` };
}
