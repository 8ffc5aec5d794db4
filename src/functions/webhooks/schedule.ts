/** When a failed webhook is tried again. */

const S = 1;
const MIN = 60;
const H = 3600;

/** Seconds before each delivery: the schedule that the Standard Webhooks specification suggests. */
export const DELIVERY_DELAYS: readonly number[] = [
  0,
  5 * S,
  5 * MIN,
  30 * MIN,
  2 * H,
  5 * H,
  10 * H,
  14 * H,
  20 * H,
  24 * H,
];

/** Share of a delay by which it varies, so that a receiver that comes back is not met by everyone at once. */
const JITTER = 0.1;
/** The platform's longest delay of a message, seconds. */
const MAX_DELAY = 24 * H;

/**
 * @param failed deliveries that have failed so far, 1 or more
 * @param retryAfter seconds the receiver asked for, if it did
 * @returns seconds until the next delivery, or null when there is none
 */
export function nextDelay(failed: number, retryAfter: number | null): number | null {
  const delay = DELIVERY_DELAYS[failed];
  if (delay === undefined) return null;
  const jittered = delay * (1 + JITTER * (2 * Math.random() - 1));
  return Math.min(MAX_DELAY, Math.ceil(Math.max(jittered, retryAfter ?? 0)));
}
