/** What a measurement is, and what comes out of it. */
import type { Comparison } from './statistics.ts';

/** A line of the table. Absolute values are in `unit`. */
export interface Row extends Comparison {
  readonly name: string;
  readonly unit: 'ms' | 'ns' | 'MB';
  /** What `floor` stands for, in a few words. */
  readonly floorIs: string;
  readonly aim?: Aim;
}

/** An upper bound on one of a comparison's figures. */
export interface Aim {
  readonly on: 'ours' | 'ratio' | 'difference';
  readonly atMost: number;
}

export interface Measurement {
  /** Word for `--only`. */
  readonly name: string;
  readonly title: string;
  /** How it is taken and what to mind when reading it: a paragraph for docs/benchmarks.md. */
  readonly method: string;
  /** @throws if it cannot be taken, or finds that something does not work: the others are taken all the same */
  run(options: MeasureOptions): Promise<Row[]>;
}

export interface MeasureOptions {
  /** Fewer rounds: to see that it runs, not to quote. */
  readonly quick: boolean;
  /** Says what is under way. */
  readonly onProgress: (what: string) => void;
  /** A line to stand below the table: what was counted and is no comparison. */
  readonly onNote: (line: string) => void;
}

/** Whether the median keeps to the aim. */
export function meets(row: Row, aim: Aim): boolean {
  return row[aim.on].median <= aim.atMost;
}
