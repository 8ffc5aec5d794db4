/** The Cairn that draws the study: a Worker on this machine, and an inference server that has the study's models. */
import { join } from 'node:path';
import { startLocalRuntime } from '../cli/local/runtime.ts';
import { CairnClient } from '../client/index.ts';
import { startServer } from '../server/index.ts';
import { type Checkpoints, type StudyModel, writeVariants } from './variants.ts';

export interface LocalCairn extends AsyncDisposable {
  readonly client: CairnClient;
}

export interface LocalCairnOptions {
  /** Keeps jobs across restarts, and the models. */
  readonly folder: string;
  readonly models: readonly StudyModel[];
  readonly checkpoints: Checkpoints | null;
  /** Batches that are computed at a time, on one thread each. */
  readonly engines: number;
}

/** A step may wait for its turn on a machine that has other things to do. */
const PATIENCE_MS = 600_000;

/** Jobs that were under way when the last one stopped go on by themselves. */
export async function startLocalCairn(options: LocalCairnOptions): Promise<LocalCairn> {
  const { folder, engines } = options;
  const modelsDir = join(folder, 'models');
  const manifests = await writeVariants(modelsDir, options.models, options.checkpoints);
  const server = await startServer({
    modelsDir,
    host: '127.0.0.1',
    port: 0,
    engines,
    threads: 1,
    watch: false,
    graceMs: 0,
    runLimitMs: PATIENCE_MS,
  });
  const runtime = await startLocalRuntime({
    data: join(folder, 'cairn'),
    port: 0,
    main: 'src/study/worker/index.ts',
    variables: {
      INFERENCE_BACKEND: 'remote',
      INFERENCE_URL: server.url,
      INFERENCE_TIMEOUT_MS: String(PATIENCE_MS),
      STEP_DEADLINE_SECONDS: '86400',
      STUDY_MODELS: JSON.stringify(manifests),
    },
  }).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  return {
    client: new CairnClient(runtime.url, { apiKey: runtime.apiKey }),
    async [Symbol.asyncDispose]() {
      await runtime.stop();
      await server.close();
    },
  };
}
