import { runInDurableObject } from 'cloudflare:test';
import { SQLSchemaMigrations } from 'durable-utils/sql-migrations';
import { describe, expect, it } from 'vitest';
import { BatchStore } from '../../src/durable/batch/batch-store.ts';
import { batchMigrations } from '../../src/durable/batch/migrations.ts';
import { JobStore } from '../../src/durable/job/job-store.ts';
import { jobMigrations } from '../../src/durable/job/migrations.ts';
import { queueMigrations } from '../../src/durable/queue/migrations.ts';
import { QueueStore } from '../../src/durable/queue/queue-store.ts';
import { jobStub } from '../support/api.ts';

/** In an object that holds nothing yet. */
function inNewObject<T>(name: string, body: (storage: DurableObjectStorage) => Promise<T>): Promise<T> {
  return runInDurableObject(jobStub(`migrated-store/${name}`), (_job, { storage }) => body(storage));
}

/** Tables with their columns, indices with theirs, rows, and the last migration that ran. */
async function shapeOf(storage: DurableObjectStorage): Promise<object> {
  const { sql } = storage;
  const names = [
    ...sql.exec<{ type: string; name: string }>(
      "SELECT type, name FROM sqlite_master WHERE name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*' ORDER BY type, name",
    ),
  ];
  const tables = names.filter(({ type }) => type === 'table').map(({ name }) => name);
  const indices = names.filter(({ type }) => type === 'index').map(({ name }) => name);
  return {
    columns: tables.map((name) => [name, ...sql.exec('SELECT * FROM pragma_table_info(?)', name)]),
    indices: indices.map((name) => [name, ...sql.exec('SELECT * FROM pragma_index_info(?)', name)]),
    rows: tables.map((name) => sql.exec<{ n: number }>(`SELECT count(*) AS n FROM "${name}"`).one().n),
    last: await storage.get('__sql_migrations_lastID'),
  };
}

describe.each([
  ['job', JobStore, jobMigrations],
  ['batch', BatchStore, batchMigrations],
  ['queue', QueueStore, queueMigrations],
])('the database of a %s', (name, Store, migrations) => {
  it('is the same whether its migrations ran one by one or all at once, and empty', async () => {
    const wanted = await inNewObject(`${name}/steps`, async (storage) => {
      await new SQLSchemaMigrations({ doStorage: storage, migrations }).runAll();
      return shapeOf(storage);
    });
    expect(wanted).toMatchObject({ last: migrations.at(-1)!.idMonotonicInc });
    expect(new Set((wanted as { rows: number[] }).rows)).toEqual(new Set([0]));
    // The first in this isolate runs them one by one, if no test before has.
    for (const object of ['first', 'second']) {
      const made = await inNewObject(`${name}/${object}`, async (storage) => {
        await new Store(storage).migrate();
        return shapeOf(storage);
      });
      expect(made).toEqual(wanted);
    }
  });

  it('takes the migrations that came since it was made', async () => {
    const wanted = await inNewObject(`${name}/whole`, async (storage) => {
      await new Store(storage).migrate();
      return shapeOf(storage);
    });
    const made = await inNewObject(`${name}/old`, async (storage) => {
      await new SQLSchemaMigrations({ doStorage: storage, migrations: migrations.slice(0, 1) }).runAll();
      await new Store(storage).migrate();
      return shapeOf(storage);
    });
    expect(made).toEqual(wanted);
  });

  it('is made anew after all was deleted, in the memory of the same object', async () => {
    const seen = await inNewObject(`${name}/anew`, async (storage) => {
      const store = new Store(storage);
      const there = [store.exists()];
      await store.migrate();
      there.push(store.exists());
      await store.deleteAll();
      there.push(store.exists());
      await store.migrate();
      return [...there, store.exists()];
    });
    expect(seen).toEqual([false, true, false, true]);
  });
});

describe('a job of an earlier version', () => {
  const SPEC = {
    id: 'smp_old',
    account: 'acc_old',
    batchSize: 10,
    count: 25,
    numSteps: 4,
    model: 'mnist-32',
  };
  const report = (status: string, startedAt: number, finishedAt: number | null = null) =>
    JSON.stringify({ status, startedAt, finishedAt, step: 1, life: 1, patches: [] });

  /** @param rows what version 6 stored of it @param body looks at what it has become */
  function upgraded<T>(
    name: string,
    rows: (sql: SqlStorage) => void,
    body: (store: JobStore) => T,
  ): Promise<T> {
    return inNewObject(`upgraded/${name}`, async (storage) => {
      await new SQLSchemaMigrations({ doStorage: storage, migrations: jobMigrations.slice(0, 6) }).runAll();
      rows(storage.sql);
      const store = new JobStore(storage);
      await store.migrate();
      return body(store);
    });
  }

  const insertJob = (sql: SqlStorage, status: string, finishedAt: number | null) =>
    sql.exec(
      'INSERT INTO job (one, spec, status, created_at, finished_at) VALUES (1, ?, ?, 1000, ?)',
      JSON.stringify(SPEC),
      status,
      finishedAt,
    );

  it('that is under way knows what became of each batch, and how many images there are', async () => {
    const state = await upgraded(
      'active',
      (sql) => {
        insertJob(sql, 'active', null);
        sql.exec('INSERT INTO batch (idx, report) VALUES (0, ?)', report('succeeded', 1100, 1400));
        sql.exec('INSERT INTO batch (idx, report) VALUES (1, ?)', report('running', 1200));
        sql.exec('INSERT INTO batch (idx, report) VALUES (2, NULL)');
      },
      (store) => store.record()!,
    );
    expect(state).toMatchObject({
      ...{ status: 'active', succeeded: 1, images: 10, fresh: 1, startedAt: 1100, batchEndedAt: 1400 },
      ...{ retentionMs: 604_800_000, expiresAt: null, webhook: null, eventsDueAt: null },
    });
    expect(state.batches.map(({ phase }) => phase)).toEqual(['succeeded', 'open', 'fresh']);
  });

  it('that still owes its webhook owes it on, under the name that it has now', async () => {
    const { record, events } = await upgraded(
      'owing',
      (sql) => {
        insertJob(sql, 'succeeded', 2000);
        for (const [index, finishedAt] of [1400, 1500, 1600].entries())
          sql.exec(
            'INSERT INTO batch (idx, report) VALUES (?, ?)',
            index,
            report('succeeded', 1100, finishedAt),
          );
        sql.exec("INSERT INTO webhook (one, id, status, enqueue_at) VALUES (1, 'msg_1', 'pending', 2100)");
      },
      (store) => ({ record: store.record()!, events: store.outbox.read(SPEC.id) }),
    );
    expect(record).toMatchObject({ images: 25, succeeded: 3, batchEndedAt: 1600, eventsDueAt: 2100 });
    expect(record.webhook).toMatchObject({ id: 'msg_smp_old_1', status: 'pending' });
    expect(events).toMatchObject([{ id: 'msg_smp_old_1', type: 'sample.succeeded', at: 2000 }]);
  });
});
