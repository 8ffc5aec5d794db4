/** Holds the rows of the gradient table against finite differences, one random case after another. */
import fc from 'fast-check';
import { type Case, compare } from '../gradient/finite-differences.ts';
import { RANDOM_CASES } from '../gradient/random/index.ts';

export interface GradientReport {
  readonly cases: number;
  /** Largest error in units of the tolerance: at most 1 is right. */
  readonly worst: number;
  readonly worstOperator: string;
  readonly findings: readonly { readonly seed: number; readonly problem: string }[];
}

const OPERATORS = Object.keys(RANDOM_CASES);
const MOST_FINDINGS = 10;

/** Case k is a function of seed + k: its operator is the next of the table, so that all have their turn. */
export async function runGradientCampaign(options: {
  readonly seed: number;
  readonly timeMs: number;
  readonly cases?: number;
  /** For tests of the campaign itself. */
  readonly check?: (test: Case) => Promise<{ readonly error: number }>;
}): Promise<GradientReport> {
  const { seed, timeMs, cases = Number.MAX_SAFE_INTEGER, check = compare } = options;
  const end = performance.now() + timeMs;
  const findings: { seed: number; problem: string }[] = [];
  let [done, worst, worstOperator] = [0, 0, 'none'];
  for (; done < cases && performance.now() < end && findings.length < MOST_FINDINGS; done++) {
    const caseSeed = seed + done;
    const operator = OPERATORS[caseSeed % OPERATORS.length]!;
    const [test] = fc.sample(RANDOM_CASES[operator]!, { seed: caseSeed, numRuns: 1 }) as [Case];
    try {
      const { error } = await check(test);
      if (error > worst) [worst, worstOperator] = [error, operator];
      if (!(error <= 1))
        findings.push({ seed: caseSeed, problem: `${operator} is off by ${error} tolerances` });
    } catch (error) {
      findings.push({ seed: caseSeed, problem: `${operator}: ${(error as Error).message}` });
    }
  }
  return { cases: done, worst, worstOperator, findings };
}
