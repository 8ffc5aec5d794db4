/** One image of one sample from noise to picture, as a row of small pictures. */
import { positionOf, stepAt } from '../run/axis.ts';
import type { View } from '../run/frames.ts';
import type { Run } from '../run/run.ts';
import { useChanges } from '../use-changes.ts';

/** CSS pixels of one picture. */
export const CELL = 32;

interface FilmStripProps {
  readonly run: Run;
  readonly letter: string;
  readonly view: View;
  readonly image: number;
  /** Pictures that fit into the row. */
  readonly cells: number;
}

/** For the eye alone: the slider over it says the same in words. */
export function FilmStrip({ run, letter, view, image, cells }: FilmStripProps) {
  useChanges(run);
  const left = positionOf(run, run.sharedSteps);
  const reached = run.sample.progress.step;
  const index = Math.min(image, run.sample.request.count - 1);
  return (
    <div class="strip" aria-hidden="true">
      <span class="letter">{letter}</span>
      <div class="cells">
        {Array.from({ length: cells }, (_, cell) => {
          const position = (cell + 1) / cells;
          const begun = stepAt(run, cell / cells) < reached;
          const src = begun ? run.picture(view, index, Math.min(stepAt(run, position), reached)) : null;
          const shared = run.sharedSteps > 0 && position <= left;
          const name = `cell${shared ? ' shared' : ''}${src === null ? ' unseen' : ''}`;
          return (
            <span key={cell} class={name}>
              {src !== null && <img src={src} alt="" />}
            </span>
          );
        })}
        {run.sharedSteps > 0 && <span class="leave" style={{ left: `${left * 100}%` }} />}
      </div>
    </div>
  );
}
