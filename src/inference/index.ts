/** Chooses the backend a deployment runs on. */
import { findModel } from '../models/registry.ts';
import type { InferenceBackend } from './backend.ts';
import { type InferenceEnv, readFleet } from './fleet/configuration.ts';
import { FleetBackend } from './fleet/fleet-backend.ts';

export * from './backend.ts';
export { type InferenceEnv, readPrecision } from './fleet/configuration.ts';

/** @throws {Error} naming the variable that is missing or wrong */
export function createBackend(env: InferenceEnv): InferenceBackend {
  switch (env.INFERENCE_BACKEND) {
    case 'embedded':
      return lazyEmbedded;
    case 'remote':
      return fleetOf(env);
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

/** By configuration. Every durable object of the isolate uses the same one, and adds to what it knows. */
const fleets = new Map<string, FleetBackend>();

function fleetOf(env: InferenceEnv): FleetBackend {
  const backends = readFleet(env);
  const key = JSON.stringify(backends);
  const known = fleets.get(key);
  if (known !== undefined) return known;
  const fleet = new FleetBackend({ backends, findModel });
  fleets.set(key, fleet);
  return fleet;
}
