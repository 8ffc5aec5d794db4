/** An answer of the API that is not a success, with its problem details (RFC 9457). */
import type { ProblemBody } from '../functions/schemas/common.ts';

export class CairnError extends Error {
  override readonly name = 'CairnError';
  /** HTTP status. */
  readonly status: number;
  /** null if the answer was not problem+json: a proxy's error page, for instance. */
  readonly problem: ProblemBody | null;

  constructor(status: number, problem: ProblemBody | null) {
    super(problem === null ? `the API answered with status ${status}` : problem.detail);
    this.status = status;
    this.problem = problem;
  }
}

/** The error of an unsuccessful answer. Consumes its body. */
export async function errorOf(response: Response): Promise<CairnError> {
  const type = response.headers.get('Content-Type') ?? '';
  if (!type.startsWith('application/problem+json')) {
    await response.body?.cancel();
    return new CairnError(response.status, null);
  }
  return new CairnError(response.status, (await response.json()) as ProblemBody);
}
