/** Asks for the API key. */
import { useState } from 'preact/hooks';
import type { StoredKey } from '../key.ts';
import { describedBy, Field } from './field.tsx';

interface KeyFormProps {
  readonly problem: string | null;
  readonly onKey: (key: StoredKey) => Promise<void>;
}

export function KeyForm({ problem, onKey }: KeyFormProps) {
  const [key, setKey] = useState('');
  const [remembered, setRemembered] = useState(false);
  const [missing, setMissing] = useState(false);
  const complaint = missing ? 'An API key is needed to draw.' : (problem ?? undefined);
  const hint = 'npm start prints a link to this page that carries one.';
  return (
    <form
      class="key-form"
      noValidate
      aria-labelledby="key-title"
      onSubmit={async (event) => {
        event.preventDefault();
        setMissing(key.trim() === '');
        if (key.trim() !== '') await onKey({ key: key.trim(), remembered });
        document.getElementById('key')?.focus();
      }}
    >
      <h2 id="key-title">Your API key</h2>
      <Field id="key" label="API key" hint={hint} problem={complaint}>
        <input
          id="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
          {...describedBy({ id: 'key', hint, problem: complaint })}
        />
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={remembered}
          onChange={({ currentTarget }) => setRemembered(currentTarget.checked)}
        />
        <span>
          Remember it in this browser
          <small>Otherwise it is forgotten when this tab closes.</small>
        </span>
      </label>
      <button type="submit" class="primary">
        Use this key
      </button>
    </form>
  );
}
