/** One sample: its mosaic, how far it is, and what can be done with it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ModelResponse } from '../../../client/index.ts';
import { ForkDialog, SteerDialog } from '../dialogs/course-dialog.tsx';
import { focusStage } from '../focus.ts';
import { stepAt } from '../run/axis.ts';
import type { Run } from '../run/run.ts';
import type { Session } from '../session.ts';
import { classesText, classText, guidanceText, problemText } from '../text.ts';
import { useChanges } from '../use-changes.ts';
import { Course } from './course.tsx';
import { Exports } from './exports.tsx';
import { Mosaic } from './mosaic.tsx';
import { Progress } from './progress.tsx';

interface LaneProps {
  readonly session: Session;
  readonly run: Run;
  readonly letter: string;
  /** Of the run that this one is a fork of. */
  readonly sourceLetter: string | null;
  readonly model: ModelResponse | undefined;
}

export function Lane({ session, run, letter, sourceLetter, model }: LaneProps) {
  useChanges(run);
  const [dialog, setDialog] = useState<'steer' | 'fork' | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const { sample } = run;
  const actions = useRef<HTMLDivElement>(null);
  // Buttons come and go with the status; while this is drawn, the old ones are still there.
  const focused = actions.current?.contains(document.activeElement) ?? false;
  useEffect(() => {
    if (focused && document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  });
  const { playhead, view, image } = session;
  const step = playhead === null ? run.steps : stepAt(run, playhead);
  const shown = Math.min(step, sample.progress.step);
  const forkStep = run.kept.findLast((kept) => kept <= step && kept < run.steps) ?? null;
  const act = async (action: 'pause' | 'resume' | 'cancel') => {
    setProblem(null);
    try {
      await run.act(action);
      session.announce(`${letter}: ${ACTED[action]}.`);
    } catch (error) {
      setProblem(problemText(error));
    }
  };
  return (
    <article class="lane" aria-labelledby={`lane-${run.id}`}>
      <header>
        <h3 id={`lane-${run.id}`} ref={heading} tabIndex={-1}>
          <span class="letter">{letter}</span> {titleOf(run, sourceLetter)}
        </h3>
        <button
          type="button"
          class="icon"
          aria-label={`Take ${letter} off the page`}
          title="Take it off the page; it goes on"
          onClick={() => {
            session.remove(run);
            focusStage();
          }}
        >
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 4l8 8M12 4l-8 8" />
          </svg>
        </button>
      </header>
      <p class="terms">{termsOf(run, model)}</p>
      <Mosaic
        name={`image-${run.id}`}
        label={`Images of ${letter}`}
        size={sizeOf(model)}
        chosen={image}
        onChoose={(next) => session.look({ image: next })}
        tiles={sample.images.map(({ index, class: label, seed }) => ({
          src: run.picture(view, index, shown),
          text: describe(index, label, seed, model),
        }))}
      />
      <Progress sample={sample} moment={playhead === null ? null : momentOf(run, shown)} />
      <div class="course">
        <Course sample={sample} />
        <div class="actions" ref={actions}>
          {!run.finished && sample.status !== 'paused' && (
            <button type="button" onClick={() => act('pause')}>
              Pause
            </button>
          )}
          {(sample.status === 'paused' || sample.status === 'failed') && (
            <button type="button" onClick={() => act('resume')}>
              Resume
            </button>
          )}
          {!run.finished && model !== undefined && (
            <button type="button" onClick={() => setDialog('steer')}>
              Steer…
            </button>
          )}
          {!run.finished && (
            <button type="button" onClick={() => act('cancel')}>
              Cancel
            </button>
          )}
          {playhead !== null && forkStep !== null && model !== undefined && (
            <button type="button" class="accent" onClick={() => setDialog('fork')}>
              Fork at step {forkStep}…
            </button>
          )}
        </div>
        {problem !== null && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </div>
      <Exports run={run} image={image} />
      {dialog === 'steer' && model !== undefined && (
        <SteerDialog
          run={run}
          letter={letter}
          model={model}
          onSteer={(patch) => run.patch(patch)}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'fork' && forkStep !== null && model !== undefined && (
        <ForkDialog
          run={run}
          letter={letter}
          model={model}
          step={forkStep}
          onFork={(request) => session.fork(run, request)}
          onClose={() => setDialog(null)}
        />
      )}
    </article>
  );
}

const ACTED = { pause: 'paused', resume: 'goes on', cancel: 'canceled' } as const;

function titleOf({ sample }: Run, sourceLetter: string | null): string {
  if (sample.forked_from != null)
    return `Fork of ${sourceLetter ?? 'another'} at step ${sample.forked_from.step}`;
  return sample.request.guidance_scale === 0 ? 'Unguided' : 'Guided';
}

function termsOf({ sample }: Run, model: ModelResponse | undefined): string {
  const { classes, guidance_scale, sampler, seed } = sample.request;
  const guided = guidance_scale !== 0;
  const what = guided || model?.class_conditional ? [classesText(classes, model)] : [];
  return [...what, guidanceText(guidance_scale), sampler.toUpperCase(), `seed ${seed}`].join(' · ');
}

function describe(
  index: number,
  label: number | null,
  seed: number | null,
  model: ModelResponse | undefined,
): string {
  const what = label === null ? [] : [`class ${classText(label, model)}`];
  const noise = seed === null ? [] : [`seed ${seed}`];
  return [`Image ${index + 1}`, ...what, ...noise].join(', ');
}

function momentOf(run: Run, step: number): string {
  const shared = run.sharedSteps > 0 && step <= run.sharedSteps;
  return `showing step ${step}${shared ? ', shared' : ''}`;
}

function sizeOf(model: ModelResponse | undefined): { width: number; height: number } {
  return model === undefined ? { width: 32, height: 32 } : model.image;
}
