import type { GoldenDirectory } from './directory.ts';
import type { Drift } from './drift.ts';
import type { LoadNetworks } from './networks.ts';
import type { CheckResult } from './result.ts';

/** What a check gets. */
export interface CheckInput {
  readonly directory: GoldenDirectory;
  /** Relative path of the JSON file that was recognised. */
  readonly path: string;
  /** Its content. */
  readonly content: unknown;
  readonly drift: Drift;
  /** Absent if no checkpoint can be run. */
  readonly loadNetworks?: LoadNetworks | undefined;
}

/** One row of the table of kinds of golden data (checks/index.ts). */
export interface CheckKind {
  readonly name: string;
  /**
   * Whether a JSON file is the index of this kind. Decided by its content: names carry arbitrary suffixes.
   *
   * @param content parsed
   */
  recognises(content: unknown): boolean;
  /** One result or more. What it throws becomes a failed result for the index. */
  run(input: CheckInput): AsyncIterable<CheckResult>;
}

/** Whether a JSON value is an object with all these keys. */
export function hasKeys(content: unknown, ...keys: string[]): content is Record<string, unknown> {
  return (
    typeof content === 'object' &&
    content !== null &&
    !Array.isArray(content) &&
    keys.every((key) => Object.hasOwn(content, key))
  );
}

/** The first entry of a list under a key; undefined if it is no list or empty. */
export function firstOf(content: unknown, key: string): unknown {
  if (!hasKeys(content, key)) return undefined;
  const list = content[key];
  return Array.isArray(list) ? list[0] : undefined;
}
