/** What `cairn verify` says of one file. */
export interface CheckResult {
  /** Relative path, with the part that was checked in brackets if a file is checked in parts. */
  readonly file: string;
  /** Comparisons that were made. */
  readonly cases: number;
  /** The error that comes closest to its tolerance, or goes furthest beyond it. */
  readonly maxError: number;
  /** What that error may be at most. */
  readonly tolerance: number;
  readonly status: 'ok' | 'failed' | 'unknown' | 'not covered';
  /** What failed and where; or why a file was not checked. */
  readonly detail?: string;
  /** Of a network that was run: how far its answers are off. */
  readonly network?: NetworkErrors;
}

/** Largest errors of a network's answers, each relative to the answer's largest value. */
export interface NetworkErrors {
  /** What kind of network, e.g. `UNetModel`. */
  readonly architecture: string;
  /** By what was compared: `output`, `logits`, `grad`. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What a check that could not be carried out says. */
function failure(file: string, error: unknown): CheckResult {
  const detail = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ');
  return { file, cases: 0, maxError: Infinity, tolerance: 0, status: 'failed', detail };
}

/** The results of a check; what it throws becomes a failed result, so that the other files are still checked. */
export async function* guarded(
  file: string,
  check: () => AsyncIterable<CheckResult>,
): AsyncGenerator<CheckResult> {
  try {
    yield* check();
  } catch (error) {
    yield failure(file, error);
  }
}

/** Collects comparisons and remembers the one closest to its tolerance; of exact ones the strictest. */
export class Comparison {
  #cases = 0;
  #worst = { ratio: -1, error: 0, tolerance: 0 };
  readonly #failures: string[] = [];

  /**
   * Compares arrays element by element. Infinities and NaN match themselves only.
   *
   * @param tolerance largest absolute difference that passes
   * @param what names the comparison in a failure
   */
  close(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
    this.#record(what, largestDifference(actual, expected), tolerance);
  }

  /** Like {@link close}, with a tolerance relative to each expected value. */
  closeRelatively(
    what: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    tolerance: number,
  ): void {
    const scale = Array.from(expected, (value) =>
      Number.isFinite(value) && value !== 0 ? Math.abs(value) : 1,
    );
    const relative = (values: ArrayLike<number>) => Array.from(values, (value, i) => value / (scale[i] ?? 1));
    this.#record(what, largestDifference(relative(actual), relative(expected)), tolerance);
  }

  /** How many comparisons have failed so far. */
  get failures(): number {
    return this.#failures.length;
  }

  /** Compares two values that have to be the same. */
  same(what: string, actual: unknown, expected: unknown): void {
    const equal = JSON.stringify(actual) === JSON.stringify(expected);
    this.#record(
      equal ? what : `${what}: got ${brief(actual)}, expected ${brief(expected)}`,
      equal ? 0 : Infinity,
      0,
    );
  }

  #record(what: string, error: number, tolerance: number): void {
    this.#cases++;
    const passed = error <= tolerance;
    const ratio = error === 0 ? 0 : error / tolerance;
    const worst = this.#worst;
    const stricter = tolerance > 0 && (worst.tolerance === 0 || tolerance < worst.tolerance);
    if (ratio > worst.ratio || (ratio === worst.ratio && stricter)) {
      this.#worst = { ratio, error, tolerance };
    }
    if (!passed) this.#failures.push(`${what}: ${number(error)} > ${number(tolerance)}`);
  }

  result(file: string): CheckResult {
    const { error, tolerance } = this.#worst;
    const common = { file, cases: this.#cases, maxError: error, tolerance };
    if (this.#failures.length === 0) return { ...common, status: 'ok' };
    const more = this.#failures.length > 3 ? `; and ${this.#failures.length - 3} more` : '';
    return { ...common, status: 'failed', detail: this.#failures.slice(0, 3).join('; ') + more };
  }
}

/** Largest |actual - expected|; Infinity if lengths differ or a value that is not finite has no equal. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i])) continue;
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = Number.isFinite(difference) ? difference : Infinity;
  }
  return largest;
}

/** Largest |value|, at least `least`. */
export function largestMagnitude(values: ArrayLike<number>, least = 0): number {
  let largest = least;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}

const STATUS_WORDS: Readonly<Record<CheckResult['status'], string>> = {
  ok: 'ok',
  failed: 'FAILED',
  unknown: 'unknown file',
  'not covered': 'not covered yet',
};

/** The line above the results: what the columns of {@link formatCheck} are. */
export function formatHeader(): string {
  return `${'file'.padEnd(54)}${'cases'.padStart(6)}${'error'.padStart(10)}${'tolerance'.padStart(10)}`;
}

/** One line: file, cases, largest error, tolerance, verdict; then the detail, if there is one. */
export function formatCheck(result: CheckResult): string {
  const checked = result.status === 'ok' || result.status === 'failed';
  const columns = [
    result.file.padEnd(54),
    (checked ? String(result.cases) : '').padStart(6),
    (checked ? number(result.maxError) : '').padStart(10),
    (checked ? number(result.tolerance) : '').padStart(10),
    `  ${STATUS_WORDS[result.status]}`,
  ];
  return columns.join('') + (result.detail ? `: ${result.detail}` : '');
}

/** One line for each architecture: the largest error of each kind of answer, over all its networks. */
export function formatNetworks(results: readonly CheckResult[]): string[] {
  const worst = new Map<string, { networks: number; errors: Map<string, number> }>();
  for (const { network } of results) {
    if (network === undefined) continue;
    const kind = worst.get(network.architecture) ?? { networks: 0, errors: new Map<string, number>() };
    worst.set(network.architecture, kind);
    kind.networks++;
    for (const [name, error] of Object.entries(network.errors)) {
      kind.errors.set(name, Math.max(error, kind.errors.get(name) ?? 0));
    }
  }
  return [...worst].map(([architecture, { networks, errors }]) => {
    const list = [...errors].map(([name, error]) => `${name} ${number(error)}`).join(', ');
    return `${architecture.padEnd(20)}worst relative error over ${networks} network${networks === 1 ? '' : 's'}: ${list}`;
  });
}

function number(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(1);
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
