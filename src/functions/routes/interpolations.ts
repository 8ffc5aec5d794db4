/** `/v1/interpolations`: images between two. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { acceptSample } from '../accept.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { resolveInterpolation } from '../interpolation.ts';
import { validationHook } from '../openapi-hook.ts';
import { interpolationRequest } from '../schemas/interpolation-request.ts';
import { acceptedResponses, answerOf, createHeaders } from './accepted.ts';
import { problem, requireJson } from './shared.ts';

const interpolate = createRoute({
  method: 'post',
  path: '/v1/interpolations',
  summary: 'Draw images on the way from one seed or inverted image to another',
  description:
    'A sample of kind interpolation: its x_T lie evenly on the great circle between the two ends (slerp), and DDIM with eta 0 draws each. The first image is that of from, the last that of to.',
  middleware: [requireScope('samples:write'), requireJson] as const,
  request: {
    headers: createHeaders,
    body: { content: { 'application/json': { schema: interpolationRequest } }, required: true },
  },
  responses: {
    ...acceptedResponses,
    400: problem('The body is not JSON'),
    404: problem('No such model or sample'),
    422: problem('Fields are missing, unknown, or out of range; errors names each'),
  },
});

export const interpolations = new OpenAPIHono<AppEnv>({ defaultHook: validationHook }).openapi(
  interpolate,
  async (c) => {
    const from = { account: accountOf(c), origin: new URL(c.req.url).origin, now: Date.now() };
    const spec = await resolveInterpolation(c, c.req.valid('json'), from);
    return c.json(...(await answerOf(c, await acceptSample(c, spec))));
  },
);
