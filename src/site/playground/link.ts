/** What the fragment of the page's address says: `#sample=smp_a,smp_b`, or `#key=...` as `npm start` prints it. */

export interface Fragment {
  readonly key: string | null;
  /** Ids of samples, in the order in which they are shown. */
  readonly samples: readonly string[];
}

/** @param hash with or without its `#` */
export function readFragment(hash: string): Fragment {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const samples = (fields.get('sample') ?? '').split(',').filter((id) => id !== '');
  return { key: fields.get('key'), samples: [...new Set(samples)] };
}

/** @returns without `#`; empty for no samples */
export function fragmentOf(samples: readonly string[]): string {
  return samples.length === 0 ? '' : `sample=${samples.join(',')}`;
}

/** Answers name the origin as the Worker sees it; behind a proxy the page may have come from another. */
export function ownOrigin(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
