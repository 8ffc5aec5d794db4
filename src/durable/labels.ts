/** Classes of a job's images by a rule in place of a list: what any image is of, without those before it. */
import { drawLabel, imageSeed } from '../core/index.ts';

export type LabelRule =
  /** Each of the model's classes as likely as any other; see drawLabel. */
  | { readonly type: 'random'; readonly classes: number }
  /** So many images of each class, in rounds: one of each class that has images left, those with the most first. */
  | { readonly type: 'counts'; readonly counts: readonly ClassCount[] };

export interface ClassCount {
  readonly label: number;
  /** 1 or more. */
  readonly images: number;
}

/** @param seed of the job */
export function labelAt(rule: LabelRule, seed: number, image: number): number {
  return rule.type === 'random'
    ? drawLabel(imageSeed(seed, image), rule.classes)
    : labelInRounds(roundsOf(rule.counts), image);
}

/** Rounds with the same classes in them. */
interface Rounds {
  /** Image that the first of them begins with. */
  readonly first: number;
  /** Classes in each: so many of those with the most images. */
  readonly size: number;
}

interface Schedule {
  /** Most images first, then by class. */
  readonly labels: readonly number[];
  readonly rounds: readonly Rounds[];
}

/** A rule is asked for one label after another, and never changes. */
const schedules = new WeakMap<readonly ClassCount[], Schedule>();

function roundsOf(counts: readonly ClassCount[]): Schedule {
  const known = schedules.get(counts);
  if (known !== undefined) return known;
  const sorted = counts.toSorted((a, b) => b.images - a.images || a.label - b.label);
  const rounds: Rounds[] = [];
  let first = 0;
  let done = 0;
  for (let size = sorted.length; size > 0; size--) {
    const more = sorted[size - 1]!.images - done;
    if (more === 0) continue; // ends with the class after it
    rounds.push({ first, size });
    first += more * size;
    done += more;
  }
  const schedule = { labels: sorted.map(({ label }) => label), rounds };
  schedules.set(counts, schedule);
  return schedule;
}

function labelInRounds({ labels, rounds }: Schedule, image: number): number {
  let low = 0;
  let high = rounds.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rounds[middle]!.first <= image) low = middle;
    else high = middle - 1;
  }
  const { first, size } = rounds[low]!;
  return labels[(image - first) % size]!;
}
