/** How strongly the classifier guides: one number, or a simple schedule over the timesteps. */
import type { ModelResponse } from '../../../client/index.ts';
import { asList, entriesOf, type ScaleChoice, type ScaleKind, scaleAt } from './draft.ts';
import { describedBy, Field, Notes, NumberField } from './field.tsx';

const MAX_SLIDER = 20;
const KINDS: readonly (readonly [ScaleKind, string])[] = [
  ['constant', 'Same at every step'],
  ['interval', 'Between two timesteps'],
  ['linear', 'From one to another'],
  ['list', 'Step by step'],
];

interface ScalePickerProps {
  readonly id: string;
  readonly model: ModelResponse;
  readonly value: ScaleChoice;
  /** That a list has a scale for, as typed. */
  readonly steps: string;
  readonly problem?: string | undefined;
  readonly onChange: (value: ScaleChoice) => void;
}

export function ScalePicker({ id, model, value, steps, problem, onChange }: ScalePickerProps) {
  const { kind } = value;
  const change = (part: Partial<ScaleChoice>) => onChange({ ...value, ...part });
  return (
    <fieldset class="field scale">
      <legend>Guidance scale</legend>
      <p class="hint" id={`${id}-hint`}>
        How hard each step is pulled towards the class: 0 ignores it; more makes it clearer and less varied.
      </p>
      {(kind === 'constant' || kind === 'interval') && (
        <div class="scale-row">
          <input
            type="range"
            aria-label="Guidance scale"
            min="0"
            max={MAX_SLIDER}
            step="0.5"
            value={value.scale}
            onInput={({ currentTarget }) => change({ scale: currentTarget.value })}
          />
          <input
            id={id}
            type="number"
            inputMode="decimal"
            aria-label="Guidance scale, as a number"
            min="0"
            step="any"
            value={value.scale}
            onInput={({ currentTarget }) => change({ scale: currentTarget.value })}
            {...describedBy({ id, hint: '', problem })}
          />
        </div>
      )}
      <div class="scale-row">
        <Field id={`${id}-kind`} label="Over time">
          <select
            id={`${id}-kind`}
            value={kind}
            onChange={({ currentTarget }) => {
              const next = currentTarget.value as ScaleKind;
              // A list begins as the curve that was there.
              onChange(
                next === 'list' ? asList(value, steps, model.diffusion_steps) : { ...value, kind: next },
              );
            }}
          >
            {KINDS.map(([name, text]) => (
              <option key={name} value={name} selected={name === kind}>
                {text}
              </option>
            ))}
          </select>
        </Field>
        <Curve value={value} timesteps={model.diffusion_steps} />
      </div>
      {kind === 'interval' && (
        <div class="pair">
          <NumberField
            id={`${id}-from`}
            label="From timestep"
            value={value.from}
            min={0}
            max={model.diffusion_steps - 1}
            onChange={(from) => change({ from })}
          />
          <NumberField
            id={`${id}-to`}
            label="To timestep"
            value={value.to}
            min={0}
            max={model.diffusion_steps - 1}
            onChange={(to) => change({ to })}
          />
        </div>
      )}
      {kind === 'linear' && (
        <div class="pair">
          <NumberField
            id={id}
            label="First (noise)"
            value={value.first}
            min={0}
            step="any"
            onChange={(first) => change({ first })}
          />
          <NumberField
            id={`${id}-last`}
            label="Last (picture)"
            value={value.last}
            min={0}
            step="any"
            onChange={(last) => change({ last })}
          />
        </div>
      )}
      {kind === 'list' && (
        <ScaleList id={id} model={model} value={value} steps={steps} problem={problem} onChange={onChange} />
      )}
      <Notes id={id} problem={problem} />
    </fieldset>
  );
}

function ScaleList({ id, model, value, steps, problem, onChange }: ScalePickerProps) {
  const there = entriesOf(value.list).length;
  const fits = String(there) === steps.trim();
  return (
    <div class="field">
      <label for={id}>Scales, from noise to picture</label>
      <textarea
        id={id}
        rows={4}
        spellcheck={false}
        inputMode="decimal"
        value={value.list}
        onInput={({ currentTarget }) => onChange({ ...value, list: currentTarget.value })}
        {...describedBy({ id, hint: '', problem })}
        aria-describedby={`${id}-count${problem === undefined ? '' : ` ${id}-problem`}`}
      />
      <div class="with-button">
        <p class="hint" id={`${id}-count`}>
          {there} {there === 1 ? 'scale' : 'scales'} for {steps.trim() || 'no'} steps
        </p>
        {!fits && there > 0 && (
          <button
            type="button"
            class="link"
            onClick={() => onChange(asList(value, steps, model.diffusion_steps))}
          >
            Stretch to fit
          </button>
        )}
      </div>
    </div>
  );
}

const WIDTH = 72;
const HEIGHT = 28;
const POINTS = 60;

/** The schedule as a line, noise on the left; what is no number yet is left out of it. */
function Curve({ value, timesteps }: { readonly value: ScaleChoice; readonly timesteps: number }) {
  const scales = Array.from({ length: POINTS }, (_, point) =>
    scaleAt(value, Math.round(((POINTS - 1 - point) / (POINTS - 1)) * (timesteps - 1)), timesteps),
  );
  const top = Math.max(1, ...scales.filter(Number.isFinite));
  const line = scales
    .map(
      (scale, point) => [(point / (POINTS - 1)) * WIDTH, HEIGHT - 2 - (scale / top) * (HEIGHT - 4)] as const,
    )
    .filter(([, y]) => Number.isFinite(y))
    .join(' ');
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={line} />
    </svg>
  );
}
