/** The HTTP exchange of a guided step and nothing else: one message, sent again and again from the Worker. */
import { Trajectory } from '../../durable/batch/trajectory.ts';
import { encodeRequest } from '../../inference/oip/request.ts';
import { toInferRequest, wireModel } from '../../inference/remote/infer-request.ts';
import { expectedOutputs } from '../../inference/validate.ts';
import { findModel } from '../../models/registry.ts';
import { MODEL, oneBatch } from '../sample-spec.ts';
import type { Duration, FetchInput } from './operations.ts';

export async function fetchBare({ url, batch, exchanges }: FetchInput): Promise<Duration> {
  const manifest = findModel(MODEL)!;
  const trajectory = new Trajectory(oneBatch(manifest, batch, 50), manifest);
  const step = trajectory.request(trajectory.start());
  const request = toInferRequest(step, expectedOutputs(step, manifest), {
    fp16: false,
    timeoutMs: 30_000,
    owner: undefined,
    priority: undefined,
    perImage: '[N]',
  });
  const message = encodeRequest(request);
  const target = `${url}/v2/models/${wireModel(step)}/infer`;
  const startedAt = Date.now();
  for (let i = 0; i < exchanges; i++) {
    const init = { method: 'POST', headers: message.headers, body: message.body };
    const response = await fetch(target, init);
    await response.arrayBuffer();
  }
  return { ms: (Date.now() - startedAt) / exchanges };
}
