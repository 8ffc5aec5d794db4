/** The live line of a long evaluation: what is being done, and how much of it. */
import { SingleBar } from 'cli-progress';
import { drawBar } from '../live-bar.ts';

export interface TaskDisplay {
  /** @param share 0 to 1 */
  readonly update: (task: string, share: number) => void;
  stop(): void;
}

/** A bar that redraws itself in a terminal; anywhere else a line for each task. */
export function showTask(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): TaskDisplay {
  let last = '';
  if (!stream.isTTY) {
    return {
      update: (task) => {
        if (task !== last) stream.write(`${task}\n`);
        last = task;
      },
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({
    format: (_options, { progress }, { task }: { task?: string }) => `${drawBar(progress)} ${task ?? ''}`,
    stream,
    hideCursor: true,
    gracefulExit: false,
    clearOnComplete: true,
  });
  bar.start(1, 0);
  return { update: (task, share) => bar.update(share, { task }), stop: () => bar.stop() };
}
