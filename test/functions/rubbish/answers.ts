/** What has to hold for an answer, whatever was asked. */
import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import { PROBLEMS, type ProblemType } from '../../../src/functions/problem.ts';
import { callBare } from '../../support/api.ts';
import type { Rubbish } from './requests.ts';

/** Far beyond what any answer takes, ms. Requests of this test prefer to wait a second at most. */
const HANGS_AFTER_MS = 20_000;

const LEAKS = [
  ...[/\bat (async )?[\w.<>]+ \(?\S*:\d+:\d+/, /node_modules/, /file:\/\/\/\w/, /\bsrc\/\w+\//, /\.tsx?\b/],
  ...[
    /SQLITE|D1_|SqlStorage|DurableObject/,
    /\b(SELECT|INSERT|UPDATE|DELETE) .*\b(FROM|INTO|SET)\b/,
    /ZodError/,
  ],
  ...[/\b(Type|Range|Reference|Internal)Error\b/, /Cannot read propert|is not a function|is not iterable/],
];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** @throws if no whole answer comes in time */
export async function answerTo({ method, path, headers, body }: Rubbish): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${HANGS_AFTER_MS} ms`)), HANGS_AFTER_MS);
  });
  try {
    return await Promise.race([whole(method, path, headers, body), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function whole(
  method: string,
  path: string,
  headers: Rubbish['headers'],
  body: Uint8Array | null,
): Promise<Answer> {
  const init = { method, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  const response = await callBare(path, {
    ...init,
    redirect: 'manual',
    ...(body !== null && { body: body as Uint8Array<ArrayBuffer> }),
  });
  if (response.webSocket !== null) {
    response.webSocket.accept();
    response.webSocket.close();
  }
  return {
    status: response.status,
    headers: response.headers,
    text: new TextDecoder().decode(await response.arrayBuffer()),
  };
}

/** @returns what is wrong with it; null if nothing is */
export function faultOf(rubbish: Rubbish, answer: Answer, secrets: readonly string[]): string | null {
  const { status, headers, text } = answer;
  if (status >= 500) return `a ${status}`;
  const everything = `${[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}\n${text}`;
  const leaked = leakIn(everything, status);
  if (leaked !== null) return `tells of the inside: ${leaked}`;
  const asked = sentBy(rubbish);
  const stolen = secrets.find((secret) => everything.includes(secret) && !asked.includes(secret));
  if (stolen !== undefined) return `tells of another account: ${stolen}`;
  return status >= 400 && rubbish.method !== 'HEAD' ? problemFault(answer) : null;
}

function leakIn(everything: string, status: number): string | null {
  const secrets = [env.ADMIN_TOKEN, env.URL_SIGNING_SECRET, env.WEBHOOK_SECRET, inject('inferenceUrl')];
  for (const secret of secrets) if (secret !== undefined && everything.includes(secret)) return secret;
  if (status < 400) return null; // pages and the description speak of code
  for (const leak of LEAKS) {
    const found = leak.exec(everything)?.[0];
    if (found !== undefined) return found;
  }
  return null;
}

function sentBy({ path, headers, body }: Rubbish): string {
  return [path, ...headers.flat(), body === null ? '' : new TextDecoder().decode(body)].join('\n');
}

/** RFC 9457, and the members that this API promises. */
function problemFault({ status, headers, text }: Answer): string | null {
  const type = headers.get('Content-Type');
  if (type !== 'application/problem+json') return `a ${status} of type ${type}`;
  let problem: Record<string, unknown>;
  try {
    problem = JSON.parse(text);
  } catch {
    return `a ${status} that is not JSON: ${text.slice(0, 200)}`;
  }
  const kind = String(problem.type).replace(/^\/problems\//, '') as ProblemType;
  if (!Object.hasOwn(PROBLEMS, kind)) return `a problem of type ${JSON.stringify(problem.type)}`;
  const row = PROBLEMS[kind];
  if (row.status !== status || problem.status !== status || problem.title !== row.title)
    return `a ${status} that says ${problem.status} ${JSON.stringify(problem.title)}`;
  if (typeof problem.detail !== 'string' || problem.detail === '') return 'a problem without a detail';
  if (typeof problem.instance !== 'string') return 'a problem without an instance';
  const { errors } = problem;
  if (errors !== undefined && !(Array.isArray(errors) && errors.every(isFieldError)))
    return `errors of another form: ${JSON.stringify(errors)}`;
  return null;
}

function isFieldError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { pointer, detail } = error as { pointer?: unknown; detail?: unknown };
  return typeof pointer === 'string' && typeof detail === 'string' && detail !== '';
}

export function described({ method, path, headers, body }: Rubbish): string {
  const text = body === null ? '' : new TextDecoder().decode(body);
  const short = (part: string) => (part.length > 600 ? `${part.slice(0, 600)}… (${part.length})` : part);
  return [`${method} ${short(path)}`, ...headers.map(([n, v]) => `${n}: ${short(v)}`), '', short(text)].join(
    '\n',
  );
}
