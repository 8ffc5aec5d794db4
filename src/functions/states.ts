/** The states of a sample, for readers: what each means, what can follow, and which are terminal. */
import type { SampleStatus } from './schemas/sample-response.ts';

interface State {
  readonly meaning: string;
  /** States that can come right after it. */
  readonly next: readonly SampleStatus[];
}

export const STATES: Readonly<Record<SampleStatus, State>> = {
  queued: {
    meaning:
      "Accepted, no step taken; or waiting for one of the account's places (running_jobs), then queue.position says which is next",
    next: ['running', 'retrying', 'paused', 'succeeded', 'failed', 'canceled'],
  },
  running: {
    meaning:
      'Steps are being taken, or the images are being written; progress says which step, how fast, how long',
    next: ['retrying', 'paused', 'succeeded', 'failed', 'canceled'],
  },
  retrying: {
    meaning: 'The last call failed and will be repeated; retry says why, since when, how often',
    next: ['queued', 'running', 'paused', 'succeeded', 'failed', 'canceled'],
  },
  paused: {
    meaning: 'Stands still as the client asked, without a place, until it is resumed',
    next: ['queued', 'running', 'retrying', 'succeeded', 'failed', 'canceled'],
  },
  succeeded: { meaning: 'Every image is written', next: [] },
  failed: {
    meaning: 'error has a code for programs and a reason for people; only a resume leads out of it',
    next: ['queued', 'running'],
  },
  canceled: { meaning: 'Stopped as the client asked', next: [] },
};

/** A sample leaves them by no doing of its own. */
export const TERMINAL: readonly SampleStatus[] = ['succeeded', 'failed', 'canceled'];

/** In Markdown. */
export const STATES_TABLE = [
  '| status | terminal | meaning | can be followed by |',
  '| --- | --- | --- | --- |',
  ...Object.entries(STATES).map(([status, { meaning, next }]) => {
    const terminal = TERMINAL.includes(status as SampleStatus) ? 'yes' : 'no';
    return `| ${status} | ${terminal} | ${meaning} | ${next.join(', ')} |`;
  }),
].join('\n');
