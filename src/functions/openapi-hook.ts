/** A request that its schema refuses becomes one problem that names every bad field. */
import type { z } from 'zod';
import { type FieldError, fieldsProblem, pointerOf } from './problem.ts';

/** Fields whose upper bound is this deployment's, not the method's. */
const LIMITED_FIELDS: ReadonlySet<string> = new Set(['count', 'classes']);

/** The union of all fields that a body got wrong, in the order of the schema. */
export function validationHook(
  result: { readonly target?: string } & (
    | { readonly success: true }
    | { readonly success: false; readonly error: z.core.$ZodError }
  ),
): void {
  if (result.success) return;
  const errors = result.error.issues.flatMap(fieldErrors).map((field) => placed(field, result.target));
  const overLimit = result.error.issues.every(
    (issue) => issue.code === 'too_big' && LIMITED_FIELDS.has(issue.path.join('.')),
  );
  throw fieldsProblem(overLimit ? 'limit-exceeded' : 'invalid-request', errors);
}

/** What is wrong in the query is named as it stands in the URL. */
function placed({ pointer, detail }: FieldError, target: string | undefined): FieldError {
  return { pointer: target === 'query' ? pointer.replace(/^\/([^/]*).*/, '?$1') : pointer, detail };
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: 'unknown field' }));
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find((branch) => branch.every(isInside));
    if (meant !== undefined) {
      return meant.flatMap((inner) => fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }));
    }
  }
  return [{ pointer: pointerOf(issue.path), detail: detailOf(issue) }];
}

/** A form that has the right shape, but something wrong within, is the one that was meant. */
function isInside(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys' || issue.code === 'custom';
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

/** What was expected, in the words of this API rather than the library's. */
function detailOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_big':
      return `expected at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'too_small':
      return `expected at least ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    default:
      return issue.message.replace(/^Invalid (input|option): /, '');
  }
}
