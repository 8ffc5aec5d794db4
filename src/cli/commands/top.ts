/** `cairn top`: an inference server live, from its /metrics. */
import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { decimalNumber } from '../parse-option.ts';
import { onStopSignal } from '../stop-signal.ts';
import { Reading } from '../top/reading.ts';
import { renderSummary } from '../top/render.ts';
import { openScreen } from '../top/screen.ts';
import { type Summary, summarize } from '../top/summary.ts';

interface TopFlags {
  readonly token?: string;
  readonly interval: number;
  readonly once?: true;
  readonly json?: true;
}

export function topCommand(): Command {
  return new Command('top')
    .description('Show live what an inference server does, from its /metrics. q ends it.')
    .argument('<url>', 'the server, e.g. http://127.0.0.1:8000')
    .addOption(new Option('--token <token>', 'bearer token of the server').env('INFERENCE_TOKEN'))
    .option('--interval <seconds>', 'between two looks', decimalNumber(0.1), 1)
    .option('--once', 'look for one interval, print, and end')
    .option('--json', 'print each look as a line of JSON')
    .action(top);
}

async function top(url: string, { token, interval, once, json }: TopFlags): Promise<void> {
  using stop = onStopSignal();
  const metricsUrl = toMetricsUrl(url);
  const quit = new AbortController();
  const signal = AbortSignal.any([stop.signal, quit.signal]);
  const read = () => readMetrics(metricsUrl, token, signal);
  let before = await read();
  let since = performance.now();
  const live = !once && !json && process.stdout.isTTY;
  using screen = live ? openScreen(() => quit.abort()) : undefined;
  screen?.show([`${url}  looking ...`]);

  while (!signal.aborted) {
    await delay(1000 * interval, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      const now = await read();
      const at = performance.now();
      const summary = summarize(before, now, (at - since) / 1000);
      [before, since] = [now, at];
      const head = `cairn top  ${url}  ${new Date().toTimeString().slice(0, 8)}`;
      if (screen !== undefined) screen.show(renderSummary(summary, head));
      else print(summary, head, json ?? false);
    } catch (error) {
      if (signal.aborted) return;
      // A server that is being started again comes back: a live view waits for it.
      if (screen === undefined || !(error instanceof CliError)) throw error;
      screen.show([`cairn top  ${url}`, error.message]);
    }
    if (once) return;
  }
}

function print(summary: Summary, head: string, json: boolean): void {
  console.log(json ? JSON.stringify(summary) : `${renderSummary(summary, head).join('\n')}\n`);
}

function toMetricsUrl(url: string): URL {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CliError(`"${url}" is no URL of a server; expected one like http://127.0.0.1:8000`, 2);
  }
  return new URL('metrics', url.endsWith('/') ? url : `${url}/`);
}

const LONGEST_WAIT_MS = 10_000;

async function readMetrics(url: URL, token: string | undefined, signal: AbortSignal): Promise<Reading> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const patience = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_WAIT_MS)]);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers, signal: patience });
    text = await response.text();
  } catch (error) {
    const reason =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CliError(`${url} can't be read: ${reason}`, undefined, { cause: error });
  }
  if (response.status === 401) throw new CliError(`${url} wants a token; give it with --token`);
  if (!response.ok) throw new CliError(`${url} answers ${response.status}; is that an inference server?`);
  try {
    return new Reading(text);
  } catch (error) {
    throw new CliError(`${url}: ${error instanceof Error ? error.message : error}`, undefined, {
      cause: error,
    });
  }
}
