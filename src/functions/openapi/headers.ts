/** Headers of requests and answers, which hold for many operations. */
import type { HeaderObject, ParameterObject, ReferenceObject } from 'openapi3-ts/oas31';

/** For `components.parameters`. */
export const PARAMETERS: Record<string, ParameterObject> = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Names the request, best a UUID: however often it is sent with the same body, it makes one sample. With another body it is refused.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description:
      '`wait=N`: the answer is held back until the sample is over, for at most N seconds (up to 60).',
    schema: { type: 'string', examples: ['wait=30'] },
  },
};

/** For `components.headers`. */
export const HEADERS: Record<string, HeaderObject> = {
  RequestId: {
    description: 'Names this request; the one that was sent, if it was.',
    schema: { type: 'string', examples: ['9f2b6f1e-6c0d-4f7e-8d0b-3f5d1c3b7a11'] },
  },
  RateLimitPolicy: {
    description: 'The limit of the key: q requests in w seconds.',
    schema: { type: 'string', examples: ['"reads";q=600;w=60'] },
  },
  RetryAfter: { description: 'Seconds after which another try may succeed.', schema: { type: 'integer' } },
  Location: { description: 'Path of the sample.', schema: { type: 'string' } },
};

const reference = (name: string): ReferenceObject => ({ $ref: `#/components/headers/${name}` });

/** @param isPublic whether the operation needs no key, and so has no limit of one */
export function headersOf(status: number, isPublic: boolean): Record<string, ReferenceObject> {
  return {
    'X-Request-Id': reference('RequestId'),
    ...(!isPublic && status !== 401 && { 'RateLimit-Policy': reference('RateLimitPolicy') }),
    ...((status === 429 || status === 503) && { 'Retry-After': reference('RetryAfter') }),
    ...(status === 201 || status === 202 ? { Location: reference('Location') } : {}),
  };
}
