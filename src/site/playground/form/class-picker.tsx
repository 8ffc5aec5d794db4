/** Which classes to draw: one, several in turns, or several blended by weights. */
import { useState } from 'preact/hooks';
import type { ModelResponse } from '../../../client/index.ts';
import { classText } from '../text.ts';
import type { ChosenClass, ClassChoice } from './draft.ts';
import { describedBy, Notes } from './field.tsx';
import { Segments } from './segments.tsx';

/** Up to so many classes all of them are on the page; of more, the chosen ones and a field that finds others. */
const MAX_SHOWN = 24;
const MAX_SUGGESTIONS = 50;

interface ClassPickerProps {
  readonly id: string;
  readonly model: ModelResponse;
  readonly value: ClassChoice;
  readonly problem?: string | undefined;
  readonly onChange: (value: ClassChoice) => void;
}

export function ClassPicker({ id, model, value, problem, onChange }: ClassPickerProps) {
  const { mode, chosen } = value;
  const few = model.classes.length <= MAX_SHOWN;
  const shown = few ? model.classes.map((_, index) => index) : chosen.map(({ index }) => index);
  const toggle = (index: number) => {
    const without = chosen.filter((entry) => entry.index !== index);
    const added = without.length === chosen.length ? [...chosen, { index, weight: '1' }] : without;
    onChange({ mode, chosen: added });
  };
  return (
    <fieldset class="field" id={id} {...describedBy({ id, problem })}>
      <legend>Class</legend>
      {!few && <FindClass id={id} model={model} onFound={toggle} />}
      <div class="chips">
        {shown.map((index) => (
          <label key={index} class="chip">
            <input
              type="checkbox"
              class="visually-hidden"
              checked={chosen.some((entry) => entry.index === index)}
              onChange={() => toggle(index)}
            />
            <span>{classText(index, model)}</span>
          </label>
        ))}
      </div>
      {chosen.length > 1 && (
        <Segments
          name={`${id}-mode`}
          label="Several classes"
          value={mode}
          options={[
            ['turns', 'In turns'],
            ['blend', 'Blended'],
          ]}
          onChange={(next) => onChange({ mode: next, chosen })}
        />
      )}
      {chosen.length > 1 && mode === 'blend' && (
        <Weights
          id={id}
          model={model}
          chosen={chosen}
          onChange={(next) => onChange({ mode, chosen: next })}
        />
      )}
      <Notes id={id} problem={problem} hint={hintOf(value)} />
    </fieldset>
  );
}

function hintOf({ mode, chosen }: ClassChoice): string | undefined {
  if (chosen.length < 2) return undefined;
  return mode === 'turns'
    ? 'One class for each image, in this order.'
    : 'Every image follows all of them; a weight below 0 leads away.';
}

interface WeightsProps {
  readonly id: string;
  readonly model: ModelResponse;
  readonly chosen: readonly ChosenClass[];
  readonly onChange: (chosen: readonly ChosenClass[]) => void;
}

function Weights({ id, model, chosen, onChange }: WeightsProps) {
  return (
    <div class="weights">
      {chosen.map(({ index, weight }) => (
        <label key={index} class="weight">
          <span>{classText(index, model)}</span>
          <input
            type="number"
            inputMode="decimal"
            aria-label={`Weight of ${classText(index, model)}`}
            id={`${id}-weight-${index}`}
            step="0.1"
            min="-10"
            max="10"
            value={weight}
            onInput={({ currentTarget }) =>
              onChange(
                chosen.map((entry) =>
                  entry.index === index ? { index, weight: currentTarget.value } : entry,
                ),
              )
            }
          />
        </label>
      ))}
    </div>
  );
}

interface FindClassProps {
  readonly id: string;
  readonly model: ModelResponse;
  readonly onFound: (index: number) => void;
}

/** Finds a class by its name among many. */
function FindClass({ id, model, onFound }: FindClassProps) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const found = model.classes
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => wanted !== '' && name.toLowerCase().includes(wanted))
    .slice(0, MAX_SUGGESTIONS);
  const take = (typed: string) => {
    setText(typed);
    const index = model.classes.indexOf(typed);
    if (index === -1) return;
    onFound(index);
    setText('');
  };
  return (
    <>
      <input
        type="search"
        aria-label={`Find one of ${model.classes.length} classes`}
        placeholder={`Find one of ${model.classes.length} classes`}
        list={`${id}-names`}
        value={text}
        onInput={({ currentTarget }) => take(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || found[0] === undefined) return;
          event.preventDefault();
          take(found[0].name);
        }}
      />
      <datalist id={`${id}-names`}>
        {found.map(({ name, index }) => (
          <option key={index} value={name} />
        ))}
      </datalist>
    </>
  );
}
