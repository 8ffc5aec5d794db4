/** What is drawn: samples side by side over their common timeline. */
import type { Session } from '../session.ts';
import { letterOf } from '../text.ts';
import { Lane } from './lane.tsx';
import { Timeline } from './timeline.tsx';
import { Welcome } from './welcome.tsx';

export function Stage({ session }: { readonly session: Session }) {
  const { runs, models } = session;
  return (
    <section class="stage" aria-labelledby="stage-title">
      <h2 id="stage-title" class="visually-hidden" tabIndex={-1}>
        Pictures
      </h2>
      {session.problem !== null && (
        <p class="problem" role="alert">
          {session.problem}
        </p>
      )}
      {runs.length === 0 ? (
        <Welcome />
      ) : (
        <>
          <div class="lanes">
            {runs.map((run, index) => (
              <Lane
                key={run.id}
                session={session}
                run={run}
                letter={letterOf(index)}
                sourceLetter={run.source === null ? null : letterOf(runs.indexOf(run.source))}
                model={models.find(({ id }) => id === run.sample.request.model)}
              />
            ))}
          </div>
          <Timeline session={session} />
        </>
      )}
    </section>
  );
}
