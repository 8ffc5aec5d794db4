/**
 * Whether a query failed because the database is older than this code: between a deployment and its migrations, or in
 * the first moment of a new local one. D1 says so in words only, SQLite's own.
 */
export function isUnmigrated(error: unknown): boolean {
  return error instanceof Error && /\bno such (table|column): |\bhas no column named /.test(error.message);
}
