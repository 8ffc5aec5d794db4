/** What runs of one model cost, learnt from those that were. A row is one image in one graph. */
export class RunCost {
  /** Mean milliseconds by rows, recent runs counting more. */
  readonly #means = new Map<number, number>();

  observe(rows: number, ms: number): void {
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
