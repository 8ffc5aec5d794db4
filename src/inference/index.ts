/** Chooses the backend a deployment runs on. */
import { findModel } from '../models/registry.ts';
import type { InferenceBackend } from './backend.ts';
import { RemoteBackend } from './remote/remote-backend.ts';

export * from './backend.ts';

/** The variables of wrangler.toml that decide. */
export interface InferenceEnv {
  /** `embedded` or `remote`. */
  readonly INFERENCE_BACKEND: string;
  /** For `remote`: base URL of the server, the part before `/v2`. */
  readonly INFERENCE_URL?: string;
  /** For `remote`: bearer token. */
  readonly INFERENCE_TOKEN?: string;
  /** For `remote`: deadline of one call in milliseconds. */
  readonly INFERENCE_TIMEOUT_MS?: string;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** @throws {Error} naming the variable that is missing or wrong */
export function createBackend(env: InferenceEnv): InferenceBackend {
  switch (env.INFERENCE_BACKEND) {
    case 'embedded':
      return lazyEmbedded;
    case 'remote':
      return new RemoteBackend({
        url: parseUrl(env.INFERENCE_URL),
        timeoutMs: parseTimeout(env.INFERENCE_TIMEOUT_MS),
        ...(env.INFERENCE_TOKEN ? { token: env.INFERENCE_TOKEN } : {}),
        findModel,
      });
    default:
      throw new Error(
        `INFERENCE_BACKEND is ${JSON.stringify(env.INFERENCE_BACKEND)}, expected "embedded" or "remote"`,
      );
  }
}

/** Imports onnxruntime at the first evaluation: a remote deployment never runs it. */
const lazyEmbedded: InferenceBackend = {
  name: 'embedded',
  remote: false,
  async evaluate(request, options) {
    // Each call imports for itself: the runtime caches the module, and a shared promise would belong to one request.
    const { embeddedBackend } = await import('./embedded/index.ts');
    return embeddedBackend.evaluate(request, options);
  },
};

function parseUrl(value: string | undefined): string {
  if (value && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new Error(
    `INFERENCE_URL is ${JSON.stringify(value)}, expected the http(s) URL of an inference server for INFERENCE_BACKEND "remote"`,
  );
}

function parseTimeout(value: string | undefined): number {
  if (value === undefined || value === '') return DEFAULT_TIMEOUT_MS;
  const timeout = Number(value);
  if (Number.isInteger(timeout) && timeout > 0 && timeout < 2 ** 31) return timeout;
  throw new Error(
    `INFERENCE_TIMEOUT_MS is ${JSON.stringify(value)}, expected a positive number of milliseconds`,
  );
}
