/** Times as clients write them. */
import { z } from '@hono/zod-openapi';

export const givenTime = z.iso.datetime({
  offset: true,
  error: 'expected a time such as 2026-11-22T12:00:00Z',
});
