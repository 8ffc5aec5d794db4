/** An answer of the API that is not a success, with its problem details (RFC 9457). */
import type { ProblemType } from '../functions/problem.ts';
import type { ProblemBody } from '../functions/schemas/common.ts';
import { parseRetryAfter } from '../retry-after.ts';

export class CairnError extends Error {
  override readonly name = 'CairnError';
  /** HTTP status. */
  readonly status: number;
  /** What kind of problem it is, e.g. `quota-exceeded`; null if the answer does not say. A newer API may have more. */
  readonly type: ProblemType | null;
  /** null if the answer was not problem+json: a proxy's error page, for instance. */
  readonly problem: ProblemBody | null;
  /** To name when the error is reported. */
  readonly requestId: string | null;
  /** Seconds after which another try may succeed, if the API said so. */
  readonly retryAfter: number | null;

  constructor(status: number, problem: ProblemBody | null, headers: Headers = new Headers()) {
    super(problem === null ? `the API answered with status ${status}` : problem.detail);
    this.status = status;
    this.problem = problem;
    this.type = problem === null ? null : (problem.type.replace(/^.*\//, '') as ProblemType);
    this.requestId = headers.get('X-Request-Id');
    this.retryAfter = parseRetryAfter(headers.get('Retry-After'), Date.now()) ?? null;
  }
}

/** The error of an unsuccessful answer. Consumes its body. */
export async function errorOf(response: Response): Promise<CairnError> {
  const { status, headers } = response;
  if (!(headers.get('Content-Type') ?? '').startsWith('application/problem+json')) {
    await response.body?.cancel();
    return new CairnError(status, null, headers);
  }
  return new CairnError(status, (await response.json()) as ProblemBody, headers);
}
