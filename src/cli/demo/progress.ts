/** The live line of a sample under way: step k of N, steps per second, time left. */
import type { SampleResponse } from '../../client/index.ts';
import { createLiveBar } from '../live-bar.ts';

export interface ProgressDisplay {
  update(sample: SampleResponse): void;
  stop(): void;
}

/** A bar that redraws itself in a terminal; anywhere else a line every few seconds. */
export function showProgress(stream: NodeJS.WritableStream): ProgressDisplay {
  const bar = createLiveBar(stream, 'waiting for the first step');
  bar.start(1, 0);
  return {
    update: (sample) => bar.update(sample.progress.fraction, { text: formatProgress(sample) }),
    stop: () => bar.stop(),
  };
}

/** e.g. `step 7 of 15, 0.42 steps/s, 19 s left`; while a call is repeated, why. */
export function formatProgress({ progress, retry, status, more_images, request }: SampleResponse): string {
  const { step, steps, steps_per_second: speed, seconds_left: left } = progress;
  const parts = [`step ${step} of ${steps}`];
  if (more_images != null) parts.push(`${progress.images_ready} of ${request.count} images`);
  if (speed !== null) parts.push(`${formatSpeed(speed)} steps/s`);
  if (status === 'succeeded') parts.push('done');
  else if (left !== null) parts.push(`${formatDuration(left)} left`);
  if (retry !== null) parts.push(`trying again: ${retry.message}`);
  return parts.join(', ');
}

/** Two significant digits below 10, whole numbers above. */
function formatSpeed(stepsPerSecond: number): string {
  return stepsPerSecond < 10 ? stepsPerSecond.toPrecision(2) : stepsPerSecond.toFixed(0);
}

/** e.g. `8 s`, `2 min 5 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
