/** `/health`: this Worker answers, and what it would sample with. The backend has its own health. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { listModels } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { healthResponse } from '../schemas/common.ts';

const health = createRoute({
  method: 'get',
  path: '/health',
  summary: 'Liveness',
  responses: { 200: { description: 'Up', content: { 'application/json': { schema: healthResponse } } } },
});

export const healthRoute = new OpenAPIHono<AppEnv>().openapi(health, (c) =>
  c.json(
    {
      status: 'ok' as const,
      backend: c.env.INFERENCE_BACKEND,
      models: listModels().map((model) => model.id),
    },
    200,
  ),
);
