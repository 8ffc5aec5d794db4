/** The page as a whole. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SampleRequest } from '../../client/index.ts';
import type { Draft } from './form/draft.ts';
import { draftFor } from './form/draft.ts';
import { draftOf } from './form/from-sample.ts';
import { KeyForm } from './form/key-form.tsx';
import { RequestForm, randomSeed } from './form/request-form.tsx';
import type { Session } from './session.ts';
import { Stage } from './stage/stage.tsx';
import { useChanges } from './use-changes.ts';

export function App({ session }: { readonly session: Session }) {
  useChanges(session);
  const [draft, setDraft] = useState<Draft | null>(null);
  /** The draft that nobody has touched yet, and the sample of a link that it is of. */
  const filled = useRef<{ draft: Draft | null; link: string | null }>({ draft: null, link: null });
  const stage = useRef<HTMLDivElement>(null);
  const { models, runs } = session;

  useEffect(() => {
    const [model] = models;
    if (model === undefined || session.connecting) return;
    // What a link shows can be drawn again, or with one thing changed.
    const first = runs.find(({ sample }) => sample.forked_from == null);
    const link = first?.origin.type === 'link' ? first.id : null;
    // What somebody has typed stays, whatever is opened.
    const untouched = draft === filled.current.draft;
    if (draft !== null && (!untouched || link === null || link === filled.current.link)) return;
    const its = models.find(({ id }) => id === first?.sample.request.model);
    const compare = runs.some(({ sample }) => sample.request.guidance_scale === 0);
    const filling =
      first === undefined || its === undefined
        ? draftFor(model, randomSeed())
        : draftOf(first.sample, its, runs.length > 1 && compare);
    filled.current = { draft: filling, link };
    setDraft(filling);
  }, [models, runs, draft, session.connecting]);

  const draw = async (requests: readonly SampleRequest[]) => {
    await session.draw(requests);
    // Once the pictures' places are drawn.
    requestAnimationFrame(() => showStage(stage.current!));
  };

  return (
    <>
      <header class="top">
        <h1>
          <svg viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
            <ellipse cx="12" cy="19" rx="9" ry="3.4" />
            <ellipse cx="12.6" cy="12.4" rx="6.2" ry="2.9" />
            <ellipse cx="11.6" cy="6.6" rx="3.7" ry="2.5" />
          </svg>
          Cairn
        </h1>
        <p class="tagline">Classifier-guided diffusion, step by step</p>
        <nav aria-label="Site">
          <a href="/docs">API reference</a>
          {session.ready && (
            <button type="button" class="link" onClick={() => session.forgetKey()}>
              Forget key
            </button>
          )}
        </nav>
      </header>
      <main>
        <div class="side">
          {session.ready && draft !== null ? (
            <RequestForm models={models} draft={draft} onDraft={setDraft} onDraw={draw} />
          ) : (
            !session.connecting && (
              <KeyForm problem={session.keyProblem} onKey={(key) => session.useKey(key)} />
            )
          )}
        </div>
        <div ref={stage} class="stage-place">
          <Stage session={session} />
        </div>
      </main>
      <p class="visually-hidden" role="status" aria-live="polite">
        {session.announcement}
      </p>
    </>
  );
}

/** Where the pictures are below the form, as on a phone, they come into sight. */
function showStage(stage: HTMLElement): void {
  if (stage.getBoundingClientRect().top < innerHeight / 3) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  stage.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' });
}
