/** How far the images of a large run have come into one file: see packing.ts. */
import type { Packing } from './job-record.ts';

interface PackRow extends Record<string, SqlStorageValue> {
  packed: number;
  pack_upload: string | null;
  pack_retry_at: number;
}

export class PackStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  read(): Packing {
    const { packed, pack_upload, pack_retry_at } = this.#sql
      .exec<PackRow>('SELECT packed, pack_upload, pack_retry_at FROM job')
      .one();
    return { state: packed === 1 ? 'done' : 'owed', upload: pack_upload, retryAt: pack_retry_at };
  }

  /** Parts of another upload are none of this one. */
  begin(upload: string): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec('DELETE FROM pack_part');
      this.#sql.exec('UPDATE job SET pack_upload = ?', upload);
    });
  }

  savePart({ partNumber, etag }: R2UploadedPart): void {
    this.#sql.exec('INSERT OR REPLACE INTO pack_part (number, etag) VALUES (?, ?)', partNumber, etag);
  }

  /** In their order. */
  parts(): R2UploadedPart[] {
    return this.#sql
      .exec<{ number: number; etag: string }>('SELECT number, etag FROM pack_part ORDER BY number')
      .toArray()
      .map(({ number, etag }) => ({ partNumber: number, etag }));
  }

  retryAt(at: number): void {
    this.#sql.exec('UPDATE job SET pack_retry_at = ?', at);
  }

  /** The upload is of no use (any more). */
  forget(): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec('DELETE FROM pack_part');
      this.#sql.exec('UPDATE job SET pack_upload = NULL');
    });
  }

  finish(): void {
    this.#storage.transactionSync(() => {
      this.forget();
      this.#sql.exec('UPDATE job SET packed = 1');
    });
  }
}
