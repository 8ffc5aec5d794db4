/** `/v1/inversions`: from an image to the noise that DDIM would have drawn it from. */
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { inputKey } from '../../durable/outputs.ts';
import { acceptSample } from '../accept.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf, requireScope } from '../auth/authenticate.ts';
import { resolveInversion } from '../inversion.ts';
import { validationHook } from '../openapi-hook.ts';
import { inversionRequest } from '../schemas/inversion-request.ts';
import { acceptedResponses, answerOf, createHeaders } from './accepted.ts';
import { problem, requireJsonWithImage } from './shared.ts';

const invert = createRoute({
  method: 'post',
  path: '/v1/inversions',
  summary: 'Invert an image to noise by DDIM',
  description:
    'A sample of kind inversion whose result is the latent: images/0.npy. Give it to start_from with sampler ddim, eta 0 and guidance_scale 0 to draw the image again, or with a class and a scale to lead it elsewhere.',
  middleware: [requireScope('samples:write'), requireJsonWithImage] as const,
  request: {
    headers: createHeaders,
    body: { content: { 'application/json': { schema: inversionRequest } }, required: true },
  },
  responses: {
    ...acceptedResponses,
    400: problem('The body is not JSON'),
    404: problem('No such model'),
    413: problem('The body is too large'),
    422: problem(
      'Fields are missing, unknown, or out of range, or the image has another size; errors names each',
    ),
  },
});

export const inversions = new OpenAPIHono<AppEnv>({ defaultHook: validationHook }).openapi(
  invert,
  async (c) => {
    const from = { account: accountOf(c), origin: new URL(c.req.url).origin, now: Date.now() };
    const { spec, png } = await resolveInversion(c.req.valid('json'), from, c.env);
    const put = (id: string) =>
      c.env.OUTPUTS.put(inputKey(id), png, { httpMetadata: { contentType: 'image/png' } });
    await put(spec.id); // before the job, which begins with it
    try {
      const accepted = await acceptSample(c, spec);
      const { record } = accepted;
      if (record.spec.id !== spec.id) {
        await put(record.spec.id); // the same request came before, and may have died between the two
        await c.env.OUTPUTS.delete(inputKey(spec.id));
      }
      return c.json(...(await answerOf(c, accepted)));
    } catch (error) {
      await c.env.OUTPUTS.delete(inputKey(spec.id)); // refused: nobody will ask for it
      throw error;
    }
  },
);
