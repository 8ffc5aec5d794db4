/** The HTTP exchange of a guided step and nothing else, from Node over a connection that stays open. */
import { Agent, request } from 'node:http';
import { Trajectory } from '../durable/batch/trajectory.ts';
import { encodeRequest } from '../inference/oip/request.ts';
import { toInferRequest } from '../inference/remote/infer-request.ts';
import { expectedOutputs } from '../inference/validate.ts';
import { findModel } from '../models/registry.ts';
import { MODEL, oneBatch } from './sample-spec.ts';

/** @returns a function that sends the first step of a guided job and reads the whole answer */
export function stepRoundTrip(url: string, batch: number): () => Promise<void> {
  const manifest = findModel(MODEL)!;
  const trajectory = new Trajectory(oneBatch(manifest, batch, 50), manifest);
  const step = trajectory.request(trajectory.start());
  const { model, body } = toInferRequest(step, expectedOutputs(step, manifest));
  const message = encodeRequest(body);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const target = `${url}/v2/models/${model}/infer`;
  return () =>
    new Promise((resolve, reject) => {
      const headers = { ...message.headers, 'content-length': message.body.byteLength };
      request(target, { method: 'POST', agent, headers }, (response) => {
        response
          .on('data', () => {})
          .on('end', resolve)
          .on('error', reject);
      })
        .on('error', reject)
        .end(message.body);
    });
}
