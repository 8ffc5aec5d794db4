/**
 * Steps that a batch keeps on request: the sampler's whole state, from which another walk can go on bit for bit, and the
 * predicted x_start. Rows hold chunks, as those of the state to resume from do.
 */
import type { SamplerState } from '../../core/index.ts';
import { chunksOf, join } from './chunks.ts';

export type KeptTensor = 'x_t' | 'x_start';

/** What is to be kept of one step. */
export interface StepToKeep {
  readonly step: number;
  /** Timestep of the trained process at which the networks are evaluated next; null when the walk is over. */
  readonly timestep: number | null;
  readonly state: SamplerState | null;
  /** Predicted in the step that led here, `[N, C, H, W]`. */
  readonly xStart: Float32Array | null;
}

export interface KeptStep {
  readonly step: number;
  readonly timestep: number | null;
  readonly xT: boolean;
  readonly xStart: boolean;
}

/** A kept state without its tensors, and how many chunks each of them has. */
export interface KeptState {
  readonly scalars: Omit<SamplerState, 'tensors'>;
  readonly chunks: Readonly<Record<string, number>>;
}

/** Call inside the transaction that commits the step. Keeping it again writes the same. */
export function keepStep(sql: SqlStorage, { step, timestep, state, xStart }: StepToKeep): void {
  const scalars = state === null ? null : JSON.stringify({ ...state, tensors: undefined });
  sql.exec('INSERT OR REPLACE INTO kept (step, timestep, sampler) VALUES (?, ?, ?)', step, timestep, scalars);
  for (const [name, tensor] of Object.entries(state?.tensors ?? {})) write(sql, step, 'x_t', name, tensor);
  if (xStart !== null) write(sql, step, 'x_start', 'x_start', xStart);
}

function write(sql: SqlStorage, step: number, what: KeptTensor, name: string, tensor: Float32Array): void {
  for (const [seq, chunk] of chunksOf(tensor).entries()) {
    sql.exec(
      'INSERT OR REPLACE INTO kept_tensor (step, what, name, seq, data) VALUES (?, ?, ?, ?, ?)',
      step,
      what,
      name,
      seq,
      chunk,
    );
  }
}

/** In the order in which they were reached. */
export function keptSteps(sql: SqlStorage): KeptStep[] {
  return sql
    .exec<{ step: number; timestep: number | null; x_t: number; x_start: number }>(
      `SELECT step, timestep, sampler IS NOT NULL AS x_t,
       EXISTS (SELECT 1 FROM kept_tensor t WHERE t.step = kept.step AND what = 'x_start') AS x_start
       FROM kept ORDER BY step`,
    )
    .toArray()
    .map((row) => ({
      step: row.step,
      timestep: row.timestep,
      xT: row.x_t === 1,
      xStart: row.x_start === 1,
    }));
}

/** `[N, C, H, W]`; null if it is not kept. */
export function keptTensor(sql: SqlStorage, step: number, what: KeptTensor): Float32Array | null {
  const rows = sql
    .exec<{ data: ArrayBuffer }>(
      'SELECT data FROM kept_tensor WHERE step = ? AND what = ? AND name = ? ORDER BY seq',
      step,
      what,
      what === 'x_t' ? 'x' : 'x_start',
    )
    .toArray();
  return rows.length === 0 ? null : join(rows.map(({ data }) => data));
}

/** Null if the state at this step is not kept. */
export function keptState(sql: SqlStorage, step: number): KeptState | null {
  const [row] = sql
    .exec<{ sampler: string | null }>('SELECT sampler FROM kept WHERE step = ?', step)
    .toArray();
  if (row === undefined || row.sampler === null) return null;
  const chunks = sql.exec<{ name: string; chunks: number }>(
    "SELECT name, count(*) AS chunks FROM kept_tensor WHERE step = ? AND what = 'x_t' GROUP BY name",
    step,
  );
  return {
    scalars: JSON.parse(row.sampler),
    chunks: Object.fromEntries([...chunks].map(({ name, chunks: count }) => [name, count])),
  };
}

/** One chunk of a tensor of a kept state. */
export function keptChunk(sql: SqlStorage, step: number, name: string, seq: number): ArrayBuffer | null {
  const [row] = sql
    .exec<{ data: ArrayBuffer }>(
      "SELECT data FROM kept_tensor WHERE step = ? AND what = 'x_t' AND name = ? AND seq = ?",
      step,
      name,
      seq,
    )
    .toArray();
  return row?.data ?? null;
}
