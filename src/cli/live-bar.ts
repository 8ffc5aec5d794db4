/** A bar with a text behind it: redrawn in a terminal, anywhere else a line every few seconds. */
import { type Options, type Params, SingleBar } from 'cli-progress';

/** Milliseconds between two lines where there is no terminal to redraw. */
const PLAIN_INTERVAL = 3_000;
const BAR_WIDTH = 24;

/** From 0 to 1; its updates carry `text`. @param first text before the first update */
export function createLiveBar(stream: NodeJS.WritableStream, first = ''): SingleBar {
  return new SingleBar({
    format: (_options: Options, { progress }: Params, { text }: { text?: string }) =>
      `${drawBar(progress)} ${text ?? first}`,
    stream,
    noTTYOutput: true,
    notTTYSchedule: PLAIN_INTERVAL,
    hideCursor: true,
    // The command itself handles Ctrl-C.
    gracefulExit: false,
    autopadding: false,
  });
}

/** @param fraction 0 to 1 */
export function drawBar(fraction: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}]`;
}
