/** Which field of a form each complaint of the API belongs to. */
import { CairnError } from '../../../client/error.ts';
import { problemText } from '../text.ts';

export interface Problems {
  /** By field. */
  readonly fields: Readonly<Record<string, string>>;
  /** What belongs to none of them. */
  readonly general: string | null;
}

export const NO_PROBLEMS: Problems = { fields: {}, general: null };

/** Fields that the API knows under two names. */
const ALIASES: Readonly<Record<string, string>> = { classes: 'class' };

/**
 * @param error what a call threw
 * @param known names of the form's fields, as the first part of a pointer names them
 */
export function problemsOf(error: unknown, known: readonly string[]): Problems {
  if (!(error instanceof CairnError) || error.problem?.errors === undefined) {
    return { fields: {}, general: problemText(error) };
  }
  const fields: Record<string, string> = {};
  const general: string[] = [];
  for (const { pointer, detail } of error.problem.errors) {
    const name = pointer.split('/')[1] ?? '';
    const field = ALIASES[name] ?? name;
    const text = entryOf(pointer) + detail;
    if (!known.includes(field)) general.push(pointer === '' ? detail : `${pointer}: ${detail}`);
    else fields[field] = fields[field] === undefined ? text : `${fields[field]}; ${text}`;
  }
  return { fields, general: general.length === 0 ? null : general.join('; ') };
}

/** Which one of a list of scales it is about, as a person counts. */
function entryOf(pointer: string): string {
  const index = /\/scales\/(\d+)$/.exec(pointer)?.[1];
  return index === undefined ? '' : `Scale ${Number(index) + 1}: `;
}
