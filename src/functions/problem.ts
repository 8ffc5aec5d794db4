/** Errors as RFC 9457 problem details: what was wrong, where, and what was expected. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

/** Every kind of problem a client can meet, with its status and title. */
export const PROBLEMS = {
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'incomplete-body': { status: 400, title: 'The body could not be read to its end' },
  'body-timeout': { status: 408, title: 'The body took too long' },
  unauthorized: { status: 401, title: 'The request carries no valid API key' },
  forbidden: { status: 403, title: 'The API key may not do this' },
  'signature-invalid': { status: 403, title: 'The signature of the URL does not fit' },
  'signature-expired': { status: 403, title: 'The signed URL has expired' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'invalid-request': { status: 422, title: 'The request is not valid' },
  'invalid-steps': { status: 422, title: 'The steps are outside the respacing grammar' },
  'class-out-of-range': { status: 422, title: 'The model has no such class' },
  'limit-exceeded': { status: 422, title: 'The request is over a limit' },
  'unknown-model': { status: 404, title: 'There is no such model' },
  'unknown-account': { status: 404, title: 'There is no such account' },
  'unknown-key': { status: 404, title: 'There is no such key' },
  'unknown-sample': { status: 404, title: 'There is no such sample' },
  'unknown-webhook-endpoint': { status: 404, title: 'There is no such webhook endpoint' },
  'unknown-webhook-delivery': { status: 404, title: 'There is no such webhook delivery' },
  'endpoint-disabled': { status: 409, title: 'The webhook endpoint is disabled or deleted' },
  'not-resumable': { status: 409, title: 'The sample has nothing left to do' },
  'step-not-kept': { status: 409, title: 'The sample keeps no such step' },
  'not-forkable': { status: 409, title: 'The sample cannot be forked' },
  'not-replayable': { status: 409, title: 'The sample cannot be replayed' },
  'model-changed': { status: 409, title: 'The model is another one now' },
  'not-ready': { status: 404, title: 'There is nothing here yet' },
  'too-many-readers': { status: 429, title: 'The sample is watched by too many already' },
  'not-found': { status: 404, title: 'There is nothing at this path' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key belongs to another request' },
  'invalid-header': { status: 400, title: 'A header of the request is not valid' },
  'quota-exceeded': { status: 429, title: 'The account has used up a quota' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'Not possible right now' },
  'precondition-failed': { status: 412, title: 'A condition of the request does not hold' },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** One bad field: an RFC 6901 pointer into the body, and what was expected. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export class Problem extends HTTPException {
  readonly type: ProblemType;
  readonly errors: readonly FieldError[];
  /** Further members of the body, e.g. which quota it was. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    type: ProblemType,
    detail: string,
    errors: readonly FieldError[] = [],
    extensions: Readonly<Record<string, unknown>> = {},
  ) {
    super(PROBLEMS[type].status, { message: detail });
    this.type = type;
    this.errors = errors;
    this.extensions = extensions;
  }
}

/** One bad field is the whole story: its detail is the problem's. */
export function fieldProblem(type: ProblemType, pointer: string, detail: string): Problem {
  return fieldsProblem(type, [{ pointer, detail }]);
}

export function fieldsProblem(type: ProblemType, errors: readonly FieldError[]): Problem {
  const detail = errors.map((error) => `${error.pointer || 'the body'}: ${error.detail}`).join('; ');
  return new Problem(type, detail, errors);
}

export function problemResponse(c: Context, problem: Problem): Response {
  const { status, title } = PROBLEMS[problem.type];
  const body = {
    type: `/problems/${problem.type}`,
    title,
    status,
    detail: problem.message,
    instance: c.req.path,
    ...(problem.errors.length > 0 && { errors: problem.errors }),
    ...problem.extensions,
  };
  return c.body(JSON.stringify(body), status, { 'Content-Type': 'application/problem+json' });
}

/** RFC 6901 pointer of a path of keys; the empty one is the whole body. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
