/** What runs of one model cost, learnt from those that were. A row is one image in one graph. */
export class RunCost {
  /** Mean milliseconds by rows, recent runs counting more. */
  readonly #means = new Map<number, number>();
  /** Which run was the last of so many rows. */
  readonly #lastSeen = new Map<number, number>();
  #runs = 0;

  observe(rows: number, ms: number): void {
    this.#runs++;
    this.#lastSeen.set(rows, this.#runs);
    for (const [size, run] of this.#lastSeen) {
      if (this.#runs - run < REMEMBERED_RUNS) continue;
      this.#lastSeen.delete(size);
      this.#means.delete(size);
    }
    const mean = this.#means.get(rows);
    this.#means.set(rows, mean === undefined ? ms : mean + NEWEST * (ms - mean));
  }

  /**
   * Milliseconds that a run costs whatever its size: what is saved when two runs become one. By least squares over the
   * sizes seen; 0 until there are two, and never more than the cheapest run.
   */
  fixedMs(): number {
    const { intercept } = this.#line();
    return Math.min(Math.max(intercept, 0), ...this.#means.values());
  }

  /**
   * Rows beyond which a larger run makes everybody in it wait longer and saves next to nothing: where the fixed part is
   * a third of the rest. Infinite as long as it is not known, so that it becomes known.
   */
  worthwhileRows(): number {
    const { slope } = this.#line();
    if (this.#means.size < 2 || slope <= 0) return Infinity;
    return Math.max(Math.round(this.fixedMs() / (FIXED_SHARE * slope)), 1);
  }

  /** Milliseconds that a run of so many rows is likely to take; 0 as long as there was none. */
  expectedMs(rows: number): number {
    const { intercept, slope } = this.#line();
    return this.#means.get(rows) ?? Math.max(intercept + slope * rows, 0);
  }

  #line(): { intercept: number; slope: number } {
    const points = [...this.#means];
    if (points.length < 2) {
      const [rows, ms] = points[0] ?? [1, 0];
      return { intercept: 0, slope: ms / rows };
    }
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const [x, y] = [mean(points.map(([rows]) => rows)), mean(points.map(([, ms]) => ms))];
    const covariance = mean(points.map(([rows, ms]) => (rows - x) * (ms - y)));
    const slope = covariance / mean(points.map(([rows]) => (rows - x) ** 2));
    return { intercept: y - slope * x, slope };
  }
}

/** Weight of the newest run in a mean. */
const NEWEST = 0.2;

/** The fixed part of a run, as a share of what its rows cost, that is not worth sharing further. */
const FIXED_SHARE = 1 / 3;

/** What a size of run cost this many runs ago says nothing of now. */
const REMEMBERED_RUNS = 500;
