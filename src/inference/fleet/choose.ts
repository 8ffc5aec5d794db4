import { pick } from './pick.ts';
import type { Route } from './route.ts';

/**
 * The backend to ask for a step. One whose probe was good gets the step of its trial; else the choice is among the
 * healthy. If there is none, the ones that were ejected are asked all the same: they may have come back, and there is
 * nothing to lose. Who asked for patience is not asked.
 *
 * @param routes that have not been asked for this step yet
 * @returns null if there is nobody to ask
 */
export function choose(
  routes: readonly Route[],
  images: number,
  now: number,
  random: () => number,
): Route | null {
  const by = Map.groupBy(routes, (route) => route.health.standing(now));
  const [onTrial] = by.get('on_trial') ?? [];
  if (onTrial !== undefined) return onTrial;
  const healthy = by.get('healthy') ?? [];
  if (healthy.length > 0) {
    const loads = healthy.map((route) => route.load(now));
    return healthy[pick(loads, images, random)]!;
  }
  const ejected = routes.filter((route) => route.health.standing(now) !== 'held');
  return ejected.toSorted((a, b) => a.health.until - b.health.until)[0] ?? null;
}
