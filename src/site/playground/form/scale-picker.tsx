/** How strongly the classifier guides: one number, or a simple schedule over the timesteps. */
import type { ModelResponse } from '../../../client/index.ts';
import { type ScaleChoice, type ScaleKind, scaleAt } from './draft.ts';
import { describedBy, Field, Notes, NumberField } from './field.tsx';

const MAX_SLIDER = 20;
const KINDS: readonly (readonly [ScaleKind, string])[] = [
  ['constant', 'Same at every step'],
  ['interval', 'Only between two timesteps'],
  ['linear', 'From one scale to another'],
];

interface ScalePickerProps {
  readonly id: string;
  readonly model: ModelResponse;
  readonly value: ScaleChoice;
  readonly problem?: string | undefined;
  readonly onChange: (value: ScaleChoice) => void;
}

export function ScalePicker({ id, model, value, problem, onChange }: ScalePickerProps) {
  const { kind } = value;
  const change = (part: Partial<ScaleChoice>) => onChange({ ...value, ...part });
  return (
    <fieldset class="field scale">
      <legend>Guidance scale</legend>
      <p class="hint" id={`${id}-hint`}>
        How hard each step is pulled towards the class: 0 ignores it; more makes it clearer and less varied.
      </p>
      {kind !== 'linear' && (
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
            onChange={({ currentTarget }) => change({ kind: currentTarget.value as ScaleKind })}
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
      <Notes id={id} problem={problem} />
    </fieldset>
  );
}

const WIDTH = 72;
const HEIGHT = 28;
const POINTS = 60;

/** The schedule as a line, noise on the left. */
function Curve({ value, timesteps }: { readonly value: ScaleChoice; readonly timesteps: number }) {
  const scales = Array.from({ length: POINTS }, (_, point) =>
    scaleAt(value, Math.round(((POINTS - 1 - point) / (POINTS - 1)) * (timesteps - 1)), timesteps),
  );
  const top = Math.max(1, ...scales.filter(Number.isFinite));
  const line = scales
    .map((scale, point) => `${(point / (POINTS - 1)) * WIDTH},${HEIGHT - 2 - (scale / top) * (HEIGHT - 4)}`)
    .join(' ');
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={line} />
    </svg>
  );
}
