/** The server's log: one JSON line each for machines, or one plain line for people. */
import pino, { type DestinationStream } from 'pino';
import { prettyLine } from './pretty.ts';

export type LogFormat = 'json' | 'pretty';
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Fields = Readonly<Record<string, unknown>>;

/** Fields that are undefined are left out of the line. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Takes whole lines. Default: standard error. */
  readonly write?: (line: string) => void;
}

/** Lines beyond this that standard error has not taken are dropped, rather than kept in memory. */
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024;

export function createLog({ format, level, write }: LogOptions): Log {
  const stream: DestinationStream =
    write === undefined
      ? pino.destination({ fd: 2, sync: false, maxLength: MAX_UNWRITTEN_BYTES })
      : { write: (line) => write(line) };
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      serializers: { error: pino.stdSerializers.err },
    },
    format === 'json' ? stream : { write: (line) => stream.write(prettyLine(line)) },
  );
  const at = (name: LogLevel) => (message: string, fields?: Fields) => logger[name](fields ?? {}, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Only what is wrong, for people: what a server that is part of another program says by default. */
export function quietLog(): Log {
  return createLog({ format: 'pretty', level: 'warn' });
}
