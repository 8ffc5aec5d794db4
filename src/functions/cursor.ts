/** Cursors of lists: opaque to clients, a place in the order to us. */
import { isId } from '../ids.ts';
import type { ListPosition } from '../store/samples.ts';
import { fieldProblem } from './problem.ts';

export function encodeCursor({ createdAt, id }: ListPosition): string {
  return btoa(`${createdAt} ${id}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws {Problem} invalid-request for what was never given out */
export function decodeCursor(cursor: string): ListPosition {
  const [, createdAt, id] = /^(\d{1,15}) (\S+)$/.exec(decoded(cursor)) ?? [];
  if (createdAt !== undefined && id !== undefined && isId('smp', id))
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
