/**
 * What runs of one model cost, learnt from those that were. A row is one image in one graph. Machines have slow
 * moments, so all of it rests on medians: of the latest runs of a size, and of the slopes between sizes.
 */
export class RunCost {
  readonly #sizes = new Map<number, Size>();
  #runs = 0;
  #line: Line | null = null;

  observe(rows: number, ms: number): void {
    this.#runs++;
    this.#line = null;
    const recent = [...(this.#sizes.get(rows)?.recent ?? []), ms].slice(-RECENT);
    this.#sizes.set(rows, { recent, ms: median(recent), lastRun: this.#runs });
    for (const [size, { lastRun }] of this.#sizes) {
      if (this.#runs - lastRun >= REMEMBERED_RUNS) this.#sizes.delete(size);
    }
  }

  /**
   * Milliseconds that a run costs whatever its size: what is saved when two runs become one. 0 until two sizes have
   * been seen, and never more than the cheapest run.
   */
  fixedMs(): number {
    const cheapest = Math.min(...[...this.#sizes.values()].map(({ ms }) => ms));
    return Math.min(Math.max(this.#fit().intercept, 0), cheapest);
  }

  /**
   * Rows beyond which a row costs more in a larger run than in a smaller one: caches have an end. Infinite unless the
   * largest size seen is one of these.
   */
  bestRows(): number {
    const judged = [...this.#sizes].filter(([, { recent }]) => recent.length >= JUDGED_RUNS);
    const perRow = ([rows, { ms }]: (typeof judged)[number]) => ms / rows;
    const good = WORSE * Math.min(...judged.map(perRow));
    const largest = Math.max(...judged.map(([rows]) => rows));
    const best = Math.max(...judged.filter((size) => perRow(size) <= good).map(([rows]) => rows));
    return best < largest ? best : Infinity;
  }

  /** Most rows of a run that is likely to take no longer than this, at least 1; Infinity until two sizes were seen. */
  rowsWithin(ms: number): number {
    if (this.#sizes.size < 2) return Infinity;
    const { intercept, slope } = this.#fit();
    if (slope <= 0) return Infinity;
    return Math.max(Math.floor((ms - intercept) / slope), 1);
  }

  /** Milliseconds that a run of so many rows is likely to take; 0 as long as there was none. */
  expectedMs(rows: number): number {
    const { intercept, slope } = this.#fit();
    return this.#sizes.get(rows)?.ms ?? Math.max(intercept + slope * rows, 0);
  }

  /** Theil-Sen: the median of the slopes between all pairs of sizes, and of what that leaves of each. */
  #fit(): Line {
    if (this.#line !== null) return this.#line;
    const points = [...this.#sizes].map(([rows, { ms }]) => ({ rows, ms }));
    if (points.length < 2) {
      const { rows, ms } = points[0] ?? { rows: 1, ms: 0 };
      return { intercept: 0, slope: ms / rows };
    }
    const slopes = points.flatMap((a, i) =>
      points.slice(i + 1).map((b) => (b.ms - a.ms) / (b.rows - a.rows)),
    );
    const slope = median(slopes);
    this.#line = { slope, intercept: median(points.map(({ rows, ms }) => ms - slope * rows)) };
    return this.#line;
  }
}

interface Size {
  /** Milliseconds of its latest runs. */
  readonly recent: readonly number[];
  /** Their median. */
  readonly ms: number;
  readonly lastRun: number;
}

interface Line {
  readonly intercept: number;
  readonly slope: number;
}

/** Runs of a size that its median is of. */
const RECENT = 9;

/** Runs of a size before it is held against others. */
const JUDGED_RUNS = 5;

/** By how much a row has to cost more for a size to be worse: less may be chance. */
const WORSE = 1.15;

/** What a size of run cost this many runs ago says nothing of now. */
const REMEMBERED_RUNS = 500;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
