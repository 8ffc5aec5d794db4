/** What a webhook says: what happened, and links. Thin, so that it stays far below 20 KB however large the job. */
import type { JobRecord } from '../../durable/job/job-store.ts';
import { renderSample } from '../render.ts';

/** The same bytes at every delivery of the same event. */
export function webhookBody(record: JobRecord): string {
  const { id, status, created_at, started_at, finished_at, error, grid, urls, request } = renderSample(
    record,
    record.spec.origin,
  );
  const { model, guidance_scale, sampler, steps, seed, count } = request;
  return JSON.stringify({
    type: `sample.${status}`,
    timestamp: finished_at,
    data: {
      id,
      status,
      created_at,
      started_at,
      finished_at,
      error,
      grid,
      urls,
      request: { model, guidance_scale, sampler, steps, seed, count },
    },
  });
}
