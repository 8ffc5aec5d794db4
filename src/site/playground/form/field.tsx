/** One labelled input, with a hint and, when the API complains, the complaint. */
import type { ComponentChildren } from 'preact';

interface Described {
  readonly id: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
}

/** For the `aria-describedby` and `aria-invalid` of an input or a group. */
export function describedBy({ id, hint, problem }: Described) {
  const ids = [problem === undefined ? [] : [`${id}-problem`], hint === undefined ? [] : [`${id}-hint`]];
  return {
    'aria-describedby': ids.flat().join(' ') || undefined,
    'aria-invalid': problem === undefined ? undefined : ('true' as const),
  };
}

export function Notes({ id, hint, problem }: Described) {
  return (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </>
  );
}

interface FieldProps extends Described {
  readonly label: string;
  readonly children: ComponentChildren;
}

/** @param props.children the input, with the same id */
export function Field({ id, label, hint, problem, children }: FieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <Notes id={id} hint={hint} problem={problem} />
    </div>
  );
}

interface NumberFieldProps extends Described {
  readonly label: string;
  readonly value: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number | 'any';
  readonly onChange: (value: string) => void;
}

/** The bounds serve the arrow keys and the keyboard of a phone; what is sent is what was typed. */
export function NumberField({ label, value, min, max, step, onChange, ...described }: NumberFieldProps) {
  return (
    <Field label={label} {...described}>
      <input
        id={described.id}
        type="number"
        inputMode={step === undefined ? 'numeric' : 'decimal'}
        value={value}
        min={min}
        max={max}
        step={step}
        onInput={(event) => onChange(event.currentTarget.value)}
        {...describedBy(described)}
      />
    </Field>
  );
}
