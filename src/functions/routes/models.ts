/** `/v1/models`: what can be sampled. */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { findModel, listModels, missingModel } from '../../models/registry.ts';
import type { AppEnv } from '../app-env.ts';
import { Problem } from '../problem.ts';
import { renderModel } from '../render.ts';
import { modelResponse } from '../schemas/common.ts';
import { problem } from './shared.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'Every model of this deployment',
  responses: {
    200: {
      description: 'The models',
      content: { 'application/json': { schema: z.object({ models: z.array(modelResponse) }) } },
    },
  },
});

const read = createRoute({
  method: 'get',
  path: '/v1/models/{id}',
  summary: 'One model',
  request: { params: z.object({ id: z.string().openapi({ param: { name: 'id', in: 'path' } }) }) },
  responses: {
    200: { description: 'The model', content: { 'application/json': { schema: modelResponse } } },
    404: problem('No such model'),
  },
});

export const models = new OpenAPIHono<AppEnv>()
  .openapi(list, (c) => {
    const { origin } = new URL(c.req.url);
    return c.json({ models: listModels().map((manifest) => renderModel(manifest, origin)) }, 200);
  })
  .openapi(read, (c) => {
    const { id } = c.req.valid('param');
    const manifest = findModel(id);
    if (manifest === null) throw new Problem('unknown-model', missingModel(id));
    return c.json(renderModel(manifest, new URL(c.req.url).origin), 200);
  });
