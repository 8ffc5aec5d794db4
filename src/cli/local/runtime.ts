/**
 * The whole of Cairn in one workerd on this machine: Worker, durable objects, R2, queues, embedded inference.
 *
 * Miniflare instead of `wrangler dev`: one workerd instead of five processes, and ready in a third of the time.
 */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerdStructuredLog } from 'miniflare';
import { CliError } from '../cli-error.ts';
import { openDataFolder } from './data-folder.ts';
import { ensureDevelopmentKey, migrateDatabase } from './database.ts';
import { startWatchdog } from './watchdog.ts';
import { loadWorkerBundle } from './worker-bundle.ts';

export interface LocalRuntimeOptions {
  /** Keeps the state across restarts; created if absent. */
  readonly data: string;
  /** 0: any free port. */
  readonly port: number;
  /** Variables for the Worker, over those of wrangler.toml. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Another main module than wrangler.toml's, relative to the project: the Worker with something around it. */
  readonly main?: string;
  /** Lets DevTools look into the Worker. */
  readonly inspect?: boolean;
  /** What the Worker logs as an error or a warning; stderr by default. */
  readonly onLog?: (message: string) => void;
}

export interface LocalRuntime {
  /** Without a slash at its end, e.g. `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly webhookSecret: string;
  /** May do everything, in an account of its own. */
  readonly apiKey: string;
  /** Where DevTools find the Worker, e.g. `127.0.0.1:9229`; null if they can't. */
  readonly inspector: string | null;
  /** Ends every process that was started; committed state stays. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const UNREACHABLE_PER_MINUTE = 1_000_000;
/** On a laptop the account is its owner's: limits are there to be tried, not to hinder. */
const GENEROUS = {
  READS_PER_MINUTE: String(UNREACHABLE_PER_MINUTE),
  WRITES_PER_MINUTE: String(UNREACHABLE_PER_MINUTE),
  REQUEST_LOG: 'off',
  QUOTA_ACTIVE_JOBS: '100000',
  QUOTA_RUNNING_JOBS: '64',
  QUOTA_IMAGES_PER_DAY: '1000000000',
  QUOTA_IMAGE_STEPS_PER_DAY: '1000000000',
};

const PASSED_ON = [
  'ADMIN_TOKEN',
  'INFERENCE_BACKEND',
  'INFERENCE_URL',
  'INFERENCE_BACKENDS',
  'INFERENCE_TOKEN',
  'INFERENCE_TOKENS',
  'INFERENCE_TIMEOUT_MS',
  'INFERENCE_PRECISION',
  'DEFAULT_REPRODUCIBILITY',
  'CORS_ORIGINS',
  'READS_PER_MINUTE',
  'WRITES_PER_MINUTE',
  'REQUEST_LOG',
  'QUOTA_ACTIVE_JOBS',
  'QUOTA_RUNNING_JOBS',
  'QUOTA_IMAGES_PER_DAY',
  'QUOTA_IMAGE_STEPS_PER_DAY',
  'URL_SIGNING_SECRET',
  'URL_SIGNING_SECRET_PREVIOUS',
  'RETENTION_SECONDS',
  'MAX_RETENTION_SECONDS',
  'WEBHOOK_RETRY_SECONDS',
  'STEP_DEADLINE_SECONDS',
  'STEPS_PER_ALARM',
];

/**
 * Returns when requests are answered. Jobs that were under way in `data` have resumed by then or do so by themselves.
 *
 * @throws {CliError} if the port or the data folder is taken
 */
export async function startLocalRuntime(options: LocalRuntimeOptions): Promise<LocalRuntime> {
  const bundle = await loadWorkerBundle(options.main);
  const data = openDataFolder(options.data);
  const watchdog = startWatchdog(data.scratch);
  const variables = { ...GENEROUS, ...environmentVariables(), ...options.variables };
  const miniflare = withoutSignalHandlers(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          ...bundle.options,
          rootPath: bundle.root,
          modulesRoot: bundle.root,
          modules: bundle.modules,
          bindings: {
            ...bundle.options.bindings,
            WEBHOOK_SECRET: data.webhookSecret,
            URL_SIGNING_SECRET: data.urlSigningSecret,
            ALLOW_PRIVATE_WEBHOOKS: 'true',
            ...variables,
          },
          ratelimits: {
            ...limitOf('READ_LIMIT', '1001', variables.READS_PER_MINUTE),
            ...limitOf('WRITE_LIMIT', '1002', variables.WRITES_PER_MINUTE),
          },
          host: HOST,
          port: options.port,
          // A port that is taken would make Miniflare wait for ever.
          ...(options.inspect === true && { inspectorPort: 0 }),
          resourcePersistencePath: data.state,
          resourceTmpPath: data.scratch,
          cf: false,
          logRequests: false,
          log: new Log(LogLevel.ERROR),
          handleStructuredLogs: (log) =>
            forwardLog(log, options.onLog ?? console.error, variables.REQUEST_LOG !== 'off'),
        }),
      ),
  );
  let clock: NodeJS.Timeout | undefined;
  const stop = async () => {
    clearInterval(clock);
    try {
      await miniflare.dispose();
    } finally {
      watchdog.release();
      data.unlock();
    }
  };
  try {
    const url = await miniflare.ready;
    const db = await miniflare.getD1Database('DB');
    await migrateDatabase(db);
    const apiKey = await ensureDevelopmentKey(db, data.apiKey);
    if (apiKey !== data.apiKey) data.replaceApiKey(apiKey);
    clock = await startClock(miniflare);
    const inspector = options.inspect === true ? (await miniflare.getInspectorURL()).host : null;
    return { url: url.origin, webhookSecret: data.webhookSecret, apiKey, inspector, stop };
  } catch (error) {
    // Disposing of what never became ready throws the same error again.
    await stop().catch(() => {});
    if ((error as { code?: string }).code !== 'ERR_ADDRESS_IN_USE') throw error;
    throw new CliError(`port ${options.port} is in use; choose another with --port, or 0 for any free one`);
  }
}

/** The cron trigger of wrangler.toml, which Miniflare leaves to its caller: now, and then once a minute. */
async function startClock(miniflare: Miniflare): Promise<NodeJS.Timeout> {
  const worker = await miniflare.getWorker();
  const tick = () => void worker.scheduled({ scheduledTime: new Date(), cron: '* * * * *' }).catch(() => {});
  tick();
  return setInterval(tick, 60_000).unref();
}

/** What the operator set in the environment, of the variables src/env.ts declares. */
function environmentVariables(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/**
 * Nothing for a limit that this machine can't reach: the local binding writes to the disk at every request.
 *
 * @throws {CliError} if it is no number the platform could count to
 */
function limitOf(binding: string, namespace: string, text: string) {
  const limit = Number(text);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new CliError(
      `${JSON.stringify(text)} is no number of requests a minute; expected a whole number above 0`,
    );
  }
  if (limit >= UNREACHABLE_PER_MINUTE) return {};
  return { [binding]: { namespace_id: namespace, simple: { limit, period: 60 as const } } };
}

/** @param everything also what is no trouble: lines of requests */
function forwardLog(
  { level, message }: V4WorkerdStructuredLog,
  write: (message: string) => void,
  everything: boolean,
): void {
  if (everything || level === 'error' || level === 'warn') write(message);
}

/**
 * Miniflare ends the process with 130 at the first SIGINT. Here the command decides what a signal means; Miniflare's
 * handler of the process's exit stays.
 */
function withoutSignalHandlers<T>(create: () => T): T {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  const created = create();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.get(signal)?.includes(listener)) process.removeListener(signal, listener);
    }
  }
  return created;
}
