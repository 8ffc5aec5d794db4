/** Starts the real servers that tests inside workerd talk to, before workerd starts. */
import { createRequire } from 'node:module';
import type { TestProject } from 'vitest/node';
import { startInferenceProxy } from './inference-proxy.ts';
import './shared.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';

// This file is loaded as the Worker's files are, which would give the server's libraries their builds for browsers.
const { startServer }: typeof import('../../src/server/index.ts') = createRequire(import.meta.url)(
  '../../src/server/index.ts',
);

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({ modelsDir: 'models', host: '127.0.0.1', port: 0, threads: 1 });
  const proxy = await startInferenceProxy(server.url);
  const twin = await startServer({ modelsDir: 'models', host: '127.0.0.1', port: 0, threads: 1 });
  const fleet = await Promise.all([server, twin, server].map(({ url }) => startInferenceProxy(url)));
  const receiver = await startWebhookReceiver();
  project.provide('inferenceUrl', proxy.url);
  project.provide(
    'fleetUrls',
    fleet.map(({ url }) => url),
  );
  project.provide('receiverUrl', receiver.url);
  const { CAIRN_FUZZ_RUNS: runs, CAIRN_FUZZ_SEED: seed } = process.env;
  project.provide('rubbish', {
    runs: Number(runs ?? 3_000),
    seconds: runs === undefined ? 30 : 3_600,
    seed: Number(seed ?? 5),
  });
  return async () => {
    await Promise.all([proxy, receiver, ...fleet].map((listening) => listening.close()));
    await Promise.all([server, twin].map((running) => running.close()));
  };
}
