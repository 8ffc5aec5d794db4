/** Starts the real servers that tests inside workerd talk to, before workerd starts. */
import type { TestProject } from 'vitest/node';
import { startServer } from '../../src/server/index.ts';
import { startInferenceProxy } from './inference-proxy.ts';
import './shared.ts';
import { startWebhookReceiver } from './webhook-receiver.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({ modelsDir: 'models', host: '127.0.0.1', port: 0, threads: 1 });
  const proxy = await startInferenceProxy(server.url);
  const receiver = await startWebhookReceiver();
  project.provide('inferenceUrl', proxy.url);
  project.provide('receiverUrl', receiver.url);
  return async () => {
    await Promise.all([proxy.close(), receiver.close()]);
    await server.close();
  };
}
