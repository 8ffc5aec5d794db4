/** The common time axis of everything shown: scrub back through the steps, replay them, return to now. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Segments } from '../form/segments.tsx';
import { positionOf, stepAt } from '../run/axis.ts';
import type { Session } from '../session.ts';
import { letterOf } from '../text.ts';
import { useChanges } from '../use-changes.ts';
import { CELL, FilmStrip } from './film-strip.tsx';

/** ms of a whole replay. */
const REPLAY_MS = 4000;
const FRAME_MS = 50;

export function Timeline({ session }: { readonly session: Session }) {
  useChanges(session, ...session.runs);
  const strips = useRef<HTMLDivElement>(null);
  const [cells, setCells] = useState(8);
  const [replaying, setReplaying] = useState(false);
  const { runs, playhead, view, image } = session;
  const reached = Math.max(...runs.map((run) => positionOf(run, run.sample.progress.step)));
  const position = playhead ?? reached;
  const stride = 1 / Math.max(...runs.map(({ steps }) => steps));

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      setCells(Math.max(6, Math.floor(entry!.contentRect.width / (CELL + 1))));
    });
    observer.observe(strips.current!);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!replaying) return;
    const started = performance.now();
    const timer = setInterval(() => {
      const at = (performance.now() - started) / REPLAY_MS;
      session.look({ playhead: at >= reached ? null : at });
      if (at >= reached) setReplaying(false);
    }, FRAME_MS);
    return () => clearInterval(timer);
  }, [replaying]);

  const scrub = (to: number) => {
    setReplaying(false);
    session.look({ playhead: to >= reached - stride / 2 ? null : to });
    if (playhead === null) for (const run of runs) run.scrubbed();
  };
  const text = runs
    .map(
      (run, index) =>
        `${letterOf(index)} step ${stepTextOf(stepAt(run, position), run.sample.progress.step)}`,
    )
    .join(', ');
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <h2 id="timeline-title" class="visually-hidden">
        Timeline
      </h2>
      <div class="track">
        <div ref={strips} class="ruler" />
        {runs.map((run, index) => (
          <FilmStrip
            key={run.id}
            run={run}
            letter={letterOf(index)}
            view={view}
            image={image}
            cells={cells}
          />
        ))}
        <input
          type="range"
          aria-label="Time, from noise to picture"
          aria-valuetext={playhead === null ? `now: ${text}` : text}
          min={0}
          max={1}
          step={stride}
          value={position}
          onInput={({ currentTarget }) => scrub(currentTarget.valueAsNumber)}
        />
      </div>
      <div class="transport">
        <button type="button" onClick={() => setReplaying(!replaying)}>
          {replaying ? 'Stop' : 'Replay'}
        </button>
        <button type="button" aria-disabled={playhead === null} onClick={() => scrub(1)}>
          Now
        </button>
        <Segments
          name="view"
          label="What the pictures show"
          value={view}
          options={[
            ['x_start', 'Predicted'],
            ['x_t', 'Noisy'],
          ]}
          onChange={(next) => session.look({ view: next })}
        />
        <p class="hint">
          {view === 'x_start'
            ? 'What each step predicts the picture to be.'
            : 'What each step hands to the next: the picture under its noise.'}
          {playhead === null && ' Drag back, then fork from there.'}
        </p>
      </div>
    </section>
  );
}

function stepTextOf(step: number, reached: number): string {
  return String(Math.min(step, reached));
}
