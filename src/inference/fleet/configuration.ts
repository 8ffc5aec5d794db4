/** The fleet as an operator writes it: variables of wrangler.toml, and secrets. */
import { z } from 'zod';
import type { Precision } from '../backend.ts';

/** The variables of wrangler.toml that decide which backend computes, and how it is reached. */
export interface InferenceEnv {
  /** `embedded` or `remote`. */
  readonly INFERENCE_BACKEND: string;
  /** For `remote`, one server: its base URL, the part before `/v2`. */
  readonly INFERENCE_URL?: string;
  /** For `remote`, several servers: a JSON list of {@link BackendSettings} as docs/fleet.md shows it. */
  readonly INFERENCE_BACKENDS?: string;
  /** For `remote`: bearer token of every server that INFERENCE_TOKENS does not name. */
  readonly INFERENCE_TOKEN?: string;
  /** For `remote`: bearer tokens as a JSON object, by the names of INFERENCE_BACKENDS. */
  readonly INFERENCE_TOKENS?: string;
  /** For `remote`: deadline of one call in milliseconds. */
  readonly INFERENCE_TIMEOUT_MS?: string;
  /** For `remote`: `fp32` or `fp16`, the precision of the tensors of new jobs on the wire. */
  readonly INFERENCE_PRECISION?: string;
}

/** One inference server. */
export interface BackendSettings {
  readonly name: string;
  /** The part before `/v2`. */
  readonly url: string;
  readonly token?: string;
  /** How much it takes compared with the others. */
  readonly weight: number;
  /** Ids of the models it has; null for all. */
  readonly models: readonly string[] | null;
  /** Whether it takes and gives FP16 on the wire. */
  readonly fp16: boolean;
  readonly timeoutMs: number;
}

/** Name of INFERENCE_URL's server: clients see it. */
const ONLY_SERVER = 'inference-server';

const DEFAULT_TIMEOUT_MS = 30_000;

const httpUrl = z
  .string()
  .refine(isHttpUrl, 'expected an http(s) URL without credentials, query or fragment');
const timeoutMs = z
  .int()
  .positive()
  .max(2 ** 31 - 1);

const backendSettings = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected up to 63 lower-case letters, digits and hyphens'),
  url: httpUrl,
  weight: z.number().positive().max(1_000_000).default(1),
  models: z.array(z.string().min(1)).min(1).nullable().default(null),
  fp16: z.boolean().default(true),
  timeout_ms: timeoutMs.optional(),
});

const backendList = z
  .array(backendSettings)
  .min(1, 'expected at least one backend')
  .max(100, 'expected at most 100 backends')
  .superRefine((list, context) => {
    for (const [i, { name }] of list.entries()) {
      if (list.findIndex((other) => other.name === name) === i) continue;
      context.addIssue({ code: 'custom', path: [i, 'name'], message: `"${name}" is there twice` });
    }
  });

const tokensByName = z.record(z.string(), z.string().min(1, 'expected a token'));

/** @throws {Error} naming the variable, the entry and what was expected there; never a token */
export function readFleet(env: InferenceEnv): BackendSettings[] {
  const timeoutMs = readTimeout(env.INFERENCE_TIMEOUT_MS);
  const listed = env.INFERENCE_BACKENDS;
  if (!listed) {
    if (env.INFERENCE_TOKENS) {
      throw new Error('INFERENCE_TOKENS names backends of INFERENCE_BACKENDS, which is not set');
    }
    const url = readUrl(env.INFERENCE_URL);
    const one = { name: ONLY_SERVER, url, weight: 1, models: null, fp16: true, timeoutMs };
    return [env.INFERENCE_TOKEN ? { ...one, token: env.INFERENCE_TOKEN } : one];
  }
  if (env.INFERENCE_URL) {
    throw new Error('INFERENCE_URL and INFERENCE_BACKENDS are both set: give either one server or a list');
  }
  const list = parse('INFERENCE_BACKENDS', listed, backendList);
  const tokens = env.INFERENCE_TOKENS ? parse('INFERENCE_TOKENS', env.INFERENCE_TOKENS, tokensByName) : {};
  const unknown = Object.keys(tokens).filter((name) => list.every((backend) => backend.name !== name));
  if (unknown.length > 0) {
    const names = list.map(({ name }) => name).join(', ');
    throw new Error(`INFERENCE_TOKENS has a token for "${unknown[0]}", expected only ${names}`);
  }
  return list.map(({ timeout_ms = timeoutMs, ...settings }) => {
    const token = Object.hasOwn(tokens, settings.name) ? tokens[settings.name] : env.INFERENCE_TOKEN;
    return { ...settings, timeoutMs: timeout_ms, ...(token ? { token } : {}) };
  });
}

/**
 * The precision that a job accepted now keeps through its life.
 *
 * @throws {Error} naming the variable
 */
export function readPrecision(
  env: Pick<InferenceEnv, 'INFERENCE_BACKEND' | 'INFERENCE_PRECISION'>,
): Precision {
  const value = env.INFERENCE_PRECISION || 'fp32';
  if (value !== 'fp32' && value !== 'fp16') {
    throw new Error(`INFERENCE_PRECISION is ${JSON.stringify(value)}, expected "fp32" or "fp16"`);
  }
  return env.INFERENCE_BACKEND === 'remote' ? value : 'fp32';
}

function readUrl(value: string | undefined): string {
  if (value && isHttpUrl(value)) return value;
  throw new Error(
    `INFERENCE_URL is ${JSON.stringify(value)}, expected the http(s) URL of an inference server for INFERENCE_BACKEND "remote", or a list of them in INFERENCE_BACKENDS`,
  );
}

/** `fetch` refuses credentials in a URL, and what follows a query would not reach the server as a path. */
function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

function readTimeout(value: string | undefined): number {
  if (value === undefined || value === '') return DEFAULT_TIMEOUT_MS;
  const parsed = timeoutMs.safeParse(Number(value));
  if (parsed.success) return parsed.data;
  throw new Error(
    `INFERENCE_TIMEOUT_MS is ${JSON.stringify(value)}, expected a positive number of milliseconds`,
  );
}

function parse<T extends z.ZodType>(variable: string, text: string, schema: T): z.output<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and that may be a token.
    throw new Error(`${variable} is not JSON`);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${pathText(path)}${message}`);
  throw new Error(`${variable}: ${problems.join('; ')}`);
}

/** `[1].url: `, or nothing for the whole. */
function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const steps = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return `${steps.join('').replace(/^\./, '')}: `;
}
