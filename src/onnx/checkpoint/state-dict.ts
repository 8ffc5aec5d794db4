/** Finds the dictionary of tensors in what a checkpoint's pickle holds. */
import { TensorReference } from './torch-globals.ts';

/** Entries of a file that an error message lists. */
const MOST_LISTED = 20;

/**
 * A state dict is a dict from names to tensors. It may be the whole file or sit under a key of an outer dict
 * (`{"state_dict": ..., "step": ...}`); values that are no tensors are left out.
 *
 * @param key the outer dict's key; needed only if several hold tensors
 * @throws {Error} if there is none, or if it is ambiguous: then the message lists the keys
 */
export function findStateDict(root: unknown, key?: string): Map<string, TensorReference> {
  if (!(root instanceof Map))
    throw new Error(`expected a state dict (names to tensors), found ${kindOf(root)}`);
  if (key !== undefined) {
    const chosen = tensorsOf(root.get(key));
    if (chosen.size === 0)
      throw new Error(`no state dict under key "${key}"; the file holds ${contents(root)}`);
    return chosen;
  }
  const whole = tensorsOf(root);
  const nested = nestedStateDicts(root);
  // A step counter beside the state dict may be a tensor too, and a state dict may hold a small dict of extra state.
  if (whole.size > 0 && nested.every(({ tensors }) => tensors <= whole.size)) return whole;
  if (nested.length === 1) return tensorsOf(root.get(nested[0]!.key));
  const problem =
    nested.length === 0 ? 'no state dict' : 'several state dicts, choose one by its key (--key)';
  throw new Error(`${problem}; the file holds ${contents(root)}`);
}

interface NestedStateDict {
  readonly key: unknown;
  /** How many. */
  readonly tensors: number;
}

function nestedStateDicts(root: ReadonlyMap<unknown, unknown>): NestedStateDict[] {
  // A damaged or hostile file can hold one large dict under thousands of keys: each is looked through once.
  const looked = new Map<unknown, number>();
  return [...root].flatMap(([key, value]) => {
    const tensors = looked.get(value) ?? tensorsOf(value).size;
    if (value instanceof Map) looked.set(value, tensors);
    return tensors > 0 ? [{ key, tensors }] : [];
  });
}

function tensorsOf(value: unknown): Map<string, TensorReference> {
  const tensors = new Map<string, TensorReference>();
  if (!(value instanceof Map)) return tensors;
  for (const [name, tensor] of value) {
    if (typeof name === 'string' && tensor instanceof TensorReference) tensors.set(name, tensor);
  }
  return tensors;
}

function contents(root: ReadonlyMap<unknown, unknown>): string {
  const listed = [...root]
    .slice(0, MOST_LISTED)
    .map(([name, value]) => `"${typeof name === 'string' ? name : kindOf(name)}" (${kindOf(value)})`);
  if (root.size > MOST_LISTED) listed.push(`${root.size - MOST_LISTED} more`);
  return listed.join(', ') || 'nothing';
}

function kindOf(value: unknown): string {
  if (value instanceof TensorReference) return 'tensor';
  if (value instanceof Map) return `dict of ${value.size}, ${tensorsOf(value).size} of them tensors`;
  if (Array.isArray(value)) return `list of ${value.length}`;
  return value === null ? 'None' : typeof value;
}
