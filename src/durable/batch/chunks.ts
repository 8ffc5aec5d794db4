/** Tensors in SQLite rows: a row or value may hold at most 2 MB, so a tensor is cut into chunks. */

/** Bytes per row; below the platform's 2 MB with room for the rest of the row. */
export const CHUNK_BYTES = 1_900_000;

/** Replaces the named tensor. Call inside a transaction: a reader must never see half of it. */
export function writeTensor(
  sql: SqlStorage,
  name: string,
  tensor: Float32Array,
  chunkBytes = CHUNK_BYTES,
): void {
  const chunks = chunksOf(tensor, chunkBytes);
  for (const [seq, chunk] of chunks.entries()) {
    sql.exec('INSERT OR REPLACE INTO tensor (name, seq, data) VALUES (?, ?, ?)', name, seq, chunk);
  }
  sql.exec('DELETE FROM tensor WHERE name = ? AND seq >= ?', name, chunks.length);
}

/** The bytes of a tensor in pieces that fit into a row. */
export function chunksOf(tensor: Float32Array, chunkBytes = CHUNK_BYTES): ArrayBuffer[] {
  const bytes = new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength);
  const chunks: ArrayBuffer[] = [];
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    chunks.push(bytes.slice(at, at + chunkBytes).buffer);
  }
  return chunks;
}

/** @returns every stored tensor by name */
export function readTensors(sql: SqlStorage): Record<string, Float32Array<ArrayBuffer>> {
  const parts = new Map<string, ArrayBuffer[]>();
  for (const row of sql.exec<{ name: string; data: ArrayBuffer }>(
    'SELECT name, data FROM tensor ORDER BY name, seq',
  )) {
    const list = parts.get(row.name);
    if (list === undefined) parts.set(row.name, [row.data]);
    else list.push(row.data);
  }
  return Object.fromEntries([...parts].map(([name, chunks]) => [name, join(chunks)]));
}

export function join(chunks: readonly ArrayBuffer[]): Float32Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(new Uint8Array(chunk), offset);
    offset += chunk.byteLength;
  }
  return new Float32Array(bytes.buffer);
}
