/** A real Cairn on this machine, computing on a real inference server, and its page in a real Chromium. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type LocalRuntime, startLocalRuntime } from '../../../src/cli/local/runtime.ts';
import { CairnClient } from '../../../src/client/index.ts';
import { type RunningServer, startServer } from '../../../src/server/index.ts';
import { launchChromium } from './chromium.ts';

/** ms for whatever a page is waited for: two busy cores draw a few steps a second. */
export const PATIENCE = 30_000;

export interface Playground {
  readonly url: string;
  readonly client: CairnClient;
  readonly apiKey: string;
  /** A page of a profile of its own; with a key unless told otherwise. */
  open(options?: BrowserContextOptions & { readonly fragment?: string }): Promise<Page>;
  /** Everything any page has asked for, and what it said on its console. */
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export async function startPlayground(): Promise<Playground> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-page-'));
  let server: RunningServer | undefined;
  let cairn: LocalRuntime | undefined;
  let browser: Browser | undefined;
  const close = async () => {
    await browser?.close();
    await cairn?.stop();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    // First: what is most likely to be missing.
    browser = await launchChromium();
    server = await startServer({ modelsDir: 'models', host: '127.0.0.1', port: 0, threads: 1 });
    const variables = { INFERENCE_BACKEND: 'remote', INFERENCE_URL: server.url };
    cairn = await startLocalRuntime({ data: join(folder, 'data'), port: 0, variables });
    return { ...pagesOf(browser, cairn), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function pagesOf(browser: Browser, { url, apiKey }: LocalRuntime): Omit<Playground, 'close'> {
  const requests: string[] = [];
  const complaints: string[] = [];
  return {
    url,
    apiKey,
    client: new CairnClient(url, { apiKey }),
    requests,
    complaints,
    open: async ({ fragment = `key=${apiKey}`, ...options } = {}) => {
      const context = await browser.newContext(options);
      context.on('request', (request) => requests.push(request.url()));
      context.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      context.on('weberror', (error) => complaints.push(String(error.error())));
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(`${url}/${fragment === '' ? '' : `#${fragment}`}`);
      return page;
    },
  };
}
