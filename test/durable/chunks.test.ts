import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES, readTensors, writeTensor } from '../../src/durable/batch/chunks.ts';
import { batchMigrations } from '../../src/durable/batch/migrations.ts';
import { batchStub } from '../support/api.ts';

function inStorage<T>(name: string, body: (sql: SqlStorage) => T): Promise<T> {
  return runInDurableObject(batchStub(name), (_batch, state) => {
    for (const { sql } of batchMigrations) state.storage.sql.exec(sql!);
    return body(state.storage.sql);
  });
}

describe('tensors in rows', () => {
  it('come back bit for bit, also those of more than one row', async () => {
    // 512 x 512 RGB: 3.15 MB, more than a row may hold.
    const x = Float32Array.from({ length: 3 * 512 * 512 }, (_, i) => Math.sin(i) * 1e-3);
    x[0] = Number.NaN;
    x[1] = -0;
    await inStorage('chunks/large', (sql) => {
      writeTensor(sql, 'x', x);
      writeTensor(sql, 'history', x.subarray(5, 9));
      const rows = sql
        .exec<{ n: number; most: number }>(
          "SELECT count(*) n, max(length(data)) most FROM tensor WHERE name = 'x'",
        )
        .one();
      expect(rows).toEqual({ n: 2, most: CHUNK_BYTES });
      const back = readTensors(sql);
      expect(new Uint8Array(back.x!.buffer)).toEqual(new Uint8Array(x.buffer));
      expect([...back.history!]).toEqual([...x.subarray(5, 9)]);
    });
  });

  it('leave nothing of a longer tensor behind', async () => {
    await inStorage('chunks/shrink', (sql) => {
      writeTensor(sql, 'x', new Float32Array(10).fill(1), 8);
      writeTensor(sql, 'x', new Float32Array(3).fill(2), 8);
      expect([...readTensors(sql).x!]).toEqual([2, 2, 2]);
    });
  });
});
