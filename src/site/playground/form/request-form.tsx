/** What to draw. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { ModelResponse, SampleRequest } from '../../../client/index.ts';
import { CurlDialog } from '../dialogs/curl-dialog.tsx';
import { ClassPicker } from './class-picker.tsx';
import { type Draft, draftFor, requestOf, unguided } from './draft.ts';
import { describedBy, Field, Notes, NumberField } from './field.tsx';
import { NO_PROBLEMS, type Problems, problemsOf } from './problems.ts';
import { ScalePicker } from './scale-picker.tsx';
import { Segments } from './segments.tsx';

const FIELDS = ['model', 'class', 'guidance_scale', 'sampler', 'eta', 'steps', 'seed', 'count'];

interface RequestFormProps {
  readonly models: readonly ModelResponse[];
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  /** Throws what the API complains about. */
  readonly onDraw: (requests: readonly SampleRequest[]) => Promise<void>;
}

export function RequestForm({ models, draft, onDraft, onDraw }: RequestFormProps) {
  const [problems, setProblems] = useState<Problems>(NO_PROBLEMS);
  const [busy, setBusy] = useState(false);
  const [curl, setCurl] = useState(false);
  const model = models.find(({ id }) => id === draft.model) ?? models[0]!;
  const change = (part: Partial<Draft>) => onDraft({ ...draft, ...part });
  const problem = (name: string) => problems.fields[name];

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const form = event.currentTarget;
    setBusy(true);
    try {
      const request = requestOf(draft);
      await onDraw(draft.compare && model.guided ? [request, unguided(request)] : [request]);
      setProblems(NO_PROBLEMS);
    } catch (error) {
      setProblems(problemsOf(error, FIELDS));
      // Once the complaint is drawn beside it.
      requestAnimationFrame(() => focusFirstProblem(form));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="request" noValidate aria-labelledby="request-title" onSubmit={submit}>
      <h2 id="request-title">Draw</h2>
      {models.length > 1 && (
        <Field id="model" label="Model" hint={model.description ?? undefined} problem={problem('model')}>
          <select
            id="model"
            value={draft.model}
            onChange={({ currentTarget }) => {
              const next = models.find(({ id }) => id === currentTarget.value) ?? model;
              onDraft({ ...draftFor(next, Number(draft.seed) || 0), compare: draft.compare && next.guided });
            }}
            {...describedBy({ id: 'model', hint: model.description ?? undefined, problem: problem('model') })}
          >
            {models.map(({ id, name }) => (
              <option key={id} value={id} selected={id === draft.model}>
                {name}
              </option>
            ))}
          </select>
        </Field>
      )}
      {models.length === 1 && (
        <div class="field">
          <p class="label">Model</p>
          <p class="model-name">
            {model.name} <code>{model.id}</code>
          </p>
          <Notes id="model" problem={problem('model')} />
        </div>
      )}
      {model.classes.length > 0 && (
        <ClassPicker
          id="class"
          model={model}
          value={draft.classes}
          problem={problem('class')}
          onChange={(classes) => change({ classes })}
        />
      )}
      {model.guided && (
        <ScalePicker
          id="guidance_scale"
          model={model}
          value={draft.scale}
          steps={draft.steps}
          problem={problem('guidance_scale')}
          onChange={(scale) => change({ scale })}
        />
      )}
      {model.guided && (
        <label class="check">
          <input
            type="checkbox"
            checked={draft.compare}
            onChange={({ currentTarget }) => change({ compare: currentTarget.checked })}
          />
          <span>
            Compare with unguided
            <small>The same seeds at scale 0, side by side.</small>
          </span>
        </label>
      )}
      <div class="pair">
        <NumberField
          id="count"
          label="Images"
          value={draft.count}
          min={1}
          max={256}
          problem={problem('count')}
          onChange={(count) => change({ count })}
        />
        <NumberField
          id="steps"
          label="Steps"
          value={draft.steps}
          min={1}
          max={model.diffusion_steps}
          problem={problem('steps')}
          onChange={(steps) => change({ steps })}
        />
      </div>
      <div class="field">
        <p class="label" aria-hidden="true">
          Sampler
        </p>
        <Segments
          name="sampler"
          label="Sampler"
          value={draft.sampler}
          options={[
            ['ddpm', 'DDPM'],
            ['ddim', 'DDIM'],
          ]}
          onChange={(sampler) => change({ sampler })}
        />
        <Notes
          id="sampler"
          hint={
            draft.sampler === 'ddpm' ? 'New noise at every step.' : 'No new noise at eta 0; as DDPM at eta 1.'
          }
          problem={problem('sampler')}
        />
      </div>
      {draft.sampler === 'ddim' && (
        <NumberField
          id="eta"
          label="Eta"
          value={draft.eta}
          min={0}
          max={1}
          step={0.1}
          problem={problem('eta')}
          onChange={(eta) => change({ eta })}
        />
      )}
      <Field
        id="seed"
        label="Seed"
        hint="The same seed and settings give the same pictures, byte for byte."
        problem={problem('seed')}
      >
        <div class="with-button">
          <input
            id="seed"
            type="number"
            inputMode="numeric"
            min="0"
            value={draft.seed}
            onInput={({ currentTarget }) => change({ seed: currentTarget.value })}
            {...describedBy({ id: 'seed', hint: '', problem: problem('seed') })}
          />
          <button type="button" class="quiet" onClick={() => change({ seed: String(randomSeed()) })}>
            Another
          </button>
        </div>
      </Field>
      {problems.general !== null && (
        <p class="problem" role="alert">
          {problems.general}
        </p>
      )}
      <div class="submit">
        <button type="submit" class="primary" aria-disabled={busy}>
          {busy ? 'Sending…' : 'Draw'}
        </button>
        <button type="button" class="quiet" onClick={() => setCurl(true)}>
          Copy as curl
        </button>
      </div>
      {curl && <CurlDialog path="/v1/samples" body={requestOf(draft)} onClose={() => setCurl(false)} />}
    </form>
  );
}

/** For the eye: any seed is as good. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % 100_000;
}

function focusFirstProblem(form: HTMLFormElement): void {
  const invalid = form.querySelector<HTMLElement>('[aria-invalid="true"]');
  (invalid?.matches('fieldset') ? invalid.querySelector('input') : invalid)?.focus();
}
