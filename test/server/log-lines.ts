import { createLog, type Log } from '../../src/server/log/log.ts';

/** A log whose messages and fields go to a list. */
export function listLog(entries: Record<string, unknown>[]): Log {
  return createLog({
    ...{ format: 'json', level: 'debug' },
    write: (line) => entries.push(JSON.parse(line)),
  });
}
