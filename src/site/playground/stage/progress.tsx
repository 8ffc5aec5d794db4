/** How far a sample is, in words and as a bar. */

import type { SampleResponse } from '../../../client/index.ts';
import { isFinished } from '../../../client/wait.ts';
import { STATUS_TEXT, timeLeftText } from '../text.ts';

interface ProgressProps {
  readonly sample: SampleResponse;
  /** Which step the pictures show, if not the newest. */
  readonly moment: string | null;
}

export function Progress({ sample, moment }: ProgressProps) {
  const { step, steps, fraction } = sample.progress;
  // The fraction is of the steps that are this one's own.
  const shared = sample.forked_from?.step ?? 0;
  return (
    <div class={`progress ${sample.status}`}>
      <progress max={1} value={(shared + fraction * (steps - shared)) / steps} aria-label="Steps taken" />
      <p class="status">
        <strong>{STATUS_TEXT[sample.status]}</strong>
        <span>{detailOf(sample, `${step} of ${steps} steps`)}</span>
        {moment !== null && <span class="moment">{moment}</span>}
      </p>
      {sample.retry !== null && <p class="hint">{sample.retry.message}</p>}
      {sample.error !== null && <p class="problem">{sample.error.message}</p>}
    </div>
  );
}

function detailOf(sample: SampleResponse, taken: string): string {
  const { steps_per_second, seconds_left } = sample.progress;
  const parts = [taken];
  if (sample.status === 'queued' && sample.queue != null)
    parts.push(`place ${sample.queue.position} in the queue`);
  if (steps_per_second !== null && sample.status !== 'paused')
    parts.push(`${rounded(steps_per_second)} steps/s`);
  if (seconds_left !== null && !isFinished(sample) && sample.status !== 'paused') {
    parts.push(timeLeftText(seconds_left));
  }
  return parts.join(' · ');
}

function rounded(pace: number): string {
  return pace >= 10 ? String(Math.round(pace)) : pace.toFixed(1);
}
