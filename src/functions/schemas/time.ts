/** Times in requests and answers. */
import { z } from '@hono/zod-openapi';

/** As the API writes it: UTC. */
export const timestamp = z.iso.datetime();

/** As clients write it. */
export const givenTime = z.iso.datetime({
  offset: true,
  error: 'expected a time such as 2026-11-22T12:00:00Z',
});
