/** What a webhook says: what happened, and links. Thin, so that it stays far below 20 KB however large the job. */
import type { JobRecord } from '../../durable/job/job-store.ts';
import type { Links } from '../links.ts';
import { renderSample } from '../render.ts';

/** The same at every delivery of the same event, but for the signatures of links: those are made when it is sent. */
export async function webhookBody(record: JobRecord, links: Links): Promise<string> {
  const { id, status, created_at, started_at, finished_at, error, grid, urls, request } = await renderSample(
    record,
    links,
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
