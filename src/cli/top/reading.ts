/** All of /metrics at one moment. */
import { parseExposition, type Sample } from './exposition.ts';

/** A histogram's counts up to each bound, by bound. */
export type Buckets = ReadonlyMap<number, number>;

type Labels = Readonly<Record<string, string>>;

export class Reading {
  readonly #byName: ReadonlyMap<string, readonly Sample[]>;

  /** @throws {Error} if the text is not Prometheus' */
  constructor(text: string) {
    this.#byName = Map.groupBy(parseExposition(text), ({ name }) => name);
  }

  /** Sum over the samples that have these labels; 0 if there is none. */
  sum(name: string, labels: Labels = {}): number {
    return this.#find(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  labelValues(name: string, label: string): string[] {
    return [...new Set(this.#find(name, {}).flatMap(({ labels }) => labels[label] ?? []))];
  }

  buckets(name: string, labels: Labels): Buckets {
    const buckets = new Map<number, number>();
    for (const { labels: own, value } of this.#find(`${name}_bucket`, labels)) {
      const bound = own.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(own.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
    return buckets;
  }

  #find(name: string, labels: Labels): readonly Sample[] {
    const wanted = Object.entries(labels);
    return (this.#byName.get(name) ?? []).filter(({ labels: own }) =>
      wanted.every(([label, value]) => own[label] === value),
    );
  }
}
