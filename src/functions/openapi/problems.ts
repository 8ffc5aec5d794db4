/** The unsuccessful answers that operations have in common, and an example of each. */
import type { ResponseObject } from 'openapi3-ts/oas31';
import { PROBLEMS, type ProblemType } from '../problem.ts';
import { headersOf } from './headers.ts';

/** Kinds of problem that any operation of its sort may answer with, whatever else it does. */
const COMMON = {
  Unauthorized: ['unauthorized', 'The request carries no valid API key'],
  Forbidden: ['forbidden', 'The API key does not have the scope'],
  MalformedJson: ['malformed-json', 'The body is not JSON'],
  BodyTimeout: ['body-timeout', 'The body took too long'],
  BodyTooLarge: ['body-too-large', 'The body is too large'],
  UnsupportedMediaType: ['unsupported-media-type', 'The body is not application/json'],
  InvalidRequest: ['invalid-request', 'Fields are missing, unknown, or out of range; errors names each'],
  RateLimited: ['rate-limited', 'Too many requests with this key'],
  InternalError: ['internal-error', 'Something went wrong on our side'],
} as const satisfies Record<string, readonly [ProblemType, string]>;

export type CommonProblem = keyof typeof COMMON;

export function statusOf(name: CommonProblem): string {
  return String(PROBLEMS[COMMON[name][0]].status);
}

/** For `components.responses`. */
export function commonResponses(): Record<CommonProblem, ResponseObject> {
  const entries = Object.entries(COMMON).map(([name, [type, description]]) => [
    name,
    {
      description,
      headers: {
        ...headersOf(PROBLEMS[type].status, false),
        ...(type === 'unauthorized' && {
          'WWW-Authenticate': { description: 'Bearer', schema: { type: 'string' } },
        }),
      },
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          example: problemExample(type, '/v1/samples'),
        },
      },
    },
  ]);
  return Object.fromEntries(entries);
}

/** @param path of the request it answers */
export function problemExample(type: ProblemType, path: string): object {
  const { status, title } = PROBLEMS[type];
  const errors = [{ pointer: '/seed', detail: 'expected number, received string' }];
  const invalid = type === 'invalid-request';
  return {
    type: `/problems/${type}`,
    title,
    status,
    detail: invalid ? `${errors[0]!.pointer}: ${errors[0]!.detail}` : `${title.toLowerCase()}`,
    instance: path,
    ...(invalid && { errors }),
  };
}

/** The likeliest kind of problem behind a status at a path: the unknown thing that the path names, else the first. */
export function problemTypeAt(status: number, path: string): ProblemType | undefined {
  const types = (Object.keys(PROBLEMS) as ProblemType[]).filter((type) => PROBLEMS[type].status === status);
  const things = path.split('/').map((segment) => `unknown-${segment.replace(/s$/, '')}`);
  return types.find((type) => things.includes(type)) ?? types[0];
}
