/** Flags of `cairn serve` that say who may connect, how, and what a connection may cost. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Limits, LogOptions, ServerOptions } from '../../server/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { decimalNumber, wholeNumber } from '../parse-option.ts';

export interface HttpFlags {
  readonly host: string;
  readonly port: number;
  readonly token?: readonly string[];
  readonly tokenFile?: string;
  readonly openMetrics?: true;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly maxBody: number;
  readonly maxInFlight: number;
  readonly maxConnections: number;
  readonly bodyTimeout: number;
  readonly grace: number;
  readonly log?: LogOptions['format'];
  readonly logLevel: LogOptions['level'];
}

const MIB = 1024 * 1024;

export function addHttpFlags(command: Command): Command {
  return command
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port; 0 for any free one', wholeNumber(0, 65_535), 8000)
    .addOption(
      new Option(
        '--token <token>',
        'bearer token of which every call must carry one; several with commas, or again',
      )
        .env('INFERENCE_TOKEN')
        .argParser(tokenList),
    )
    .option('--token-file <file>', 'more tokens, one a line; read again when the file changes')
    .option('--open-metrics', 'let /metrics be read without a token')
    .option('--tls-cert <file>', 'certificate in PEM, for HTTPS; read again when it changes')
    .option('--tls-key <file>', 'its private key in PEM')
    .option('--max-body <MiB>', 'largest request', decimalNumber(0), 64)
    .option(
      '--max-in-flight <MiB>',
      'requests and answers in memory, over all connections',
      decimalNumber(0),
      512,
    )
    .option('--max-connections <number>', 'connections at a time', wholeNumber(1), 1024)
    .option(
      '--body-timeout <seconds>',
      'for one request to arrive, one answer to leave',
      decimalNumber(0),
      60,
    )
    .option('--grace <seconds>', 'for what runs and waits to finish after SIGTERM', decimalNumber(0), 30)
    .addOption(
      new Option('--log <format>', 'format of the log (default: pretty on a terminal, else json)').choices([
        'json',
        'pretty',
      ]),
    )
    .addOption(
      new Option('--log-level <level>', 'least important line to log')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
}

type HttpOptions = Pick<
  ServerOptions,
  'host' | 'port' | 'tokens' | 'tokenFile' | 'openMetrics' | 'tls' | 'limits' | 'graceMs'
>;

/** @throws {CliError} for a certificate without its key, or a key without its certificate */
export function httpOptions(flags: HttpFlags): HttpOptions & { readonly graceMs: number } {
  const { host, port, token, tokenFile, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CliError('--tls-cert and --tls-key go together: give both or none', EXIT_USAGE);
  }
  return {
    ...{ host, port, tokens: token ?? [], openMetrics: flags.openMetrics ?? false },
    ...(tokenFile !== undefined && { tokenFile }),
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: { cert: tlsCert, key: tlsKey } }),
    limits: limitsOf(flags),
    graceMs: 1000 * flags.grace,
  };
}

export function logOptions({ log, logLevel }: HttpFlags): LogOptions {
  return { format: log ?? (process.stderr.isTTY ? 'pretty' : 'json'), level: logLevel };
}

function limitsOf({ maxBody, maxInFlight, maxConnections, bodyTimeout }: HttpFlags): Partial<Limits> {
  return {
    maxBodyBytes: Math.floor(maxBody * MIB),
    maxBytesInFlight: Math.floor(maxInFlight * MIB),
    maxConnections,
    bodyTimeoutMs: 1000 * bodyTimeout,
  };
}

function tokenList(text: string, before: readonly string[] = []): string[] {
  const tokens = text.split(',').map((token) => token.trim());
  if (tokens.includes('')) throw new InvalidArgumentError('Expected a token or several with commas between.');
  return [...before, ...tokens];
}
