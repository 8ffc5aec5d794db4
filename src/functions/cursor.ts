/** Cursors of lists: opaque to clients, a place in the order to us. */
import { isId } from '../ids.ts';
import type { ListPosition } from '../store/samples.ts';
import { fieldProblem } from './problem.ts';

export function encodeCursor({ createdAt, id }: ListPosition): string {
  return btoa(`${createdAt} ${id}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * @param prefix of the ids in the list
 * @throws {Problem} invalid-request for what was never given out
 */
export function decodeCursor(cursor: string, prefix = 'smp'): ListPosition {
  const [, createdAt, id] = /^(\d{1,15}) (\S+)$/.exec(decoded(cursor)) ?? [];
  if (createdAt !== undefined && id !== undefined && isId(prefix, id))
    return { createdAt: Number(createdAt), id };
  throw fieldProblem('invalid-request', '?cursor', 'expected the next_cursor of an earlier page, unchanged');
}

function decoded(cursor: string): string {
  try {
    return atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}

/** The place of an image in its sample. */
export function encodeImageCursor(index: number): string {
  return `i${index}`;
}

/** @throws {Problem} invalid-request for what was never given out */
export function decodeImageCursor(cursor: string): number {
  const [, index] = /^i(\d{1,9})$/.exec(cursor) ?? [];
  if (index !== undefined) return Number(index);
  throw fieldProblem('invalid-request', '?cursor', 'expected the next_cursor of an earlier page, unchanged');
}
