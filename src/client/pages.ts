/** Lists that come in pages, read as one. */

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

/** Every entry, page after page; the next page is asked for when the last entry of one has been taken. */
export async function* entriesOf<T>(
  page: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  do {
    const { data, next_cursor: next } = await page(cursor);
    yield* data;
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}
