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

/** Of a schedule that a deployment brings: attempts after the first, and days they may take together. */
const MOST = { retries: 20, days: 4 } as const;

/**
 * @param text seconds before each attempt after the first, with commas between them; nothing for {@link DELIVERY_DELAYS}
 * @returns seconds before each attempt, the first included
 * @throws {Error} if the deployment's variable is no such list
 */
export function deliveryDelays(text: string | undefined): readonly number[] {
  if (text === undefined || text.trim() === '') return DELIVERY_DELAYS;
  const delays = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const together = delays.reduce((sum, delay) => sum + delay, 0);
  const whole = delays.every((delay) => Number.isInteger(delay) && delay >= 0 && delay <= MAX_DELAY);
  if (whole && delays.length <= MOST.retries && together <= MOST.days * 24 * H) return [0, ...delays];
  throw new Error(
    `WEBHOOK_RETRY_SECONDS is ${JSON.stringify(text)}, expected up to ${MOST.retries} whole numbers of at most ${MAX_DELAY}, ${MOST.days} days together`,
  );
}

/** Share of a delay by which it varies, so that a receiver that comes back is not met by everyone at once. */
const JITTER = 0.1;
/** The platform's longest delay of a message, seconds. */
const MAX_DELAY = 24 * H;

/**
 * @param failed deliveries that have failed so far, 1 or more
 * @param delays seconds before each attempt, the first included
 * @param retryAfter seconds the receiver asked for, if it did
 * @returns seconds until the next delivery, or null when there is none
 */
export function nextDelay(
  failed: number,
  delays: readonly number[],
  retryAfter: number | null,
): number | null {
  const delay = delays[failed];
  if (delay === undefined) return null;
  const jittered = delay * (1 + JITTER * (2 * Math.random() - 1));
  return Math.min(MAX_DELAY, Math.ceil(Math.max(jittered, retryAfter ?? 0)));
}
