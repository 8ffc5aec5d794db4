/** The product's batch object, with eyes on its storage and its loop. It overrides nothing. */
import type { SamplerState } from '../../core/index.ts';
import { BatchStore } from '../../durable/batch/batch-store.ts';
import { CHUNK_BYTES } from '../../durable/batch/chunks.ts';
import { runSteps } from '../../durable/batch/step-loop.ts';
import { Trajectory } from '../../durable/batch/trajectory.ts';
import { SampleBatch } from '../../durable/sample-batch.ts';
import type { InferenceBackend } from '../../inference/backend.ts';
import { RemoteBackend } from '../../inference/remote/remote-backend.ts';
import type { ModelManifest } from '../../models/manifest.ts';
import { findModel } from '../../models/registry.ts';
import { MODEL, oneBatch } from '../sample-spec.ts';
import type { CommitInput, Duration, StepTime, WalkInput } from './operations.ts';

export class MeasuredBatch extends SampleBatch {
  timeline(): StepTime[] {
    const rows = this.ctx.storage.sql.exec<{ at: number; data: string }>(
      "SELECT at, data FROM event WHERE kind = 'step' ORDER BY seq",
    );
    return [...rows].map(({ at, data }) => {
      const { step, backend_ms } = JSON.parse(data);
      return { step, at, backendMs: backend_ms };
    });
  }

  async commits({ bytes, commits, how }: CommitInput): Promise<Duration> {
    const { storage } = this.ctx;
    const x = new Float32Array(bytes / 4).map((_, i) => Math.fround(i * 0.1));
    const commit = how === 'store' ? await this.#storeCommit(x) : this.#sqlCommit(x);
    await storage.sync();
    const startedAt = Date.now();
    for (let i = 0; i < commits; i++) {
      commit(i);
      await storage.sync();
    }
    return { ms: (Date.now() - startedAt) / commits };
  }

  async #storeCommit(x: Float32Array): Promise<(step: number) => void> {
    const store = await this.#freshStore(oneBatch(findModel(MODEL)!, 1, 50));
    return (step) => {
      const state: SamplerState = { version: 1, sampler: 'ddpm', t: 49, step, done: false, tensors: { x } };
      const event = { ms: 0, backend_ms: 0, tries: 1, guided: true, sent: 0, received: 0 };
      store.commitStep(state, event, Date.now());
    };
  }

  #sqlCommit(x: Float32Array): () => void {
    const { sql } = this.ctx.storage;
    sql.exec('CREATE TABLE blob (seq INTEGER PRIMARY KEY, data BLOB NOT NULL)');
    const chunks: ArrayBuffer[] = [];
    for (let at = 0; at < x.byteLength; at += CHUNK_BYTES) {
      chunks.push((x.buffer as ArrayBuffer).slice(at, Math.min(at + CHUNK_BYTES, x.byteLength)));
    }
    return () => {
      for (const [seq, chunk] of chunks.entries()) {
        sql.exec('INSERT OR REPLACE INTO blob (seq, data) VALUES (?, ?)', seq, chunk);
      }
    };
  }

  async walk({ url, image, batch, steps, order }: WalkInput): Promise<Duration> {
    const manifest = modelOf(image, batch);
    const spec = oneBatch(manifest, batch, steps);
    const trajectory = new Trajectory(spec, manifest);
    const backend =
      url === null ? zeros : new RemoteBackend({ url, timeoutMs: 30_000, findModel: () => manifest });
    const store = order === 'no_commit' ? null : await this.#freshStore(spec);
    const start = trajectory.start();
    await this.ctx.storage.sync();
    const startedAt = Date.now();
    await runSteps(trajectory, start, {
      backend: order === 'write_first' ? asIfEmbedded(backend) : backend,
      budget: { allows: () => true },
      signal: new AbortController().signal,
      turn: { owner: spec.job.id },
      now: () => Date.now(),
      wait: (ms) => scheduler.wait(ms),
      stopped: () => false,
      commit: (state, event) => store?.commitStep(state, event, Date.now()),
    });
    await this.ctx.storage.sync();
    return { ms: (Date.now() - startedAt) / steps };
  }

  async #freshStore(spec: Parameters<BatchStore['create']>[0]): Promise<BatchStore> {
    const store = new BatchStore(this.ctx.storage);
    await store.migrate();
    store.create(spec, Date.now());
    return store;
  }
}

/** In the place of embedded inference; it pauses as that does. */
const zeros: InferenceBackend = {
  name: 'zeros',
  remote: false,
  async evaluate({ x }) {
    await scheduler.wait(0);
    return { modelOutput: new Float32Array(2 * x.length), gradient: new Float32Array(x.length) };
  },
};

/** The loop asks an embedded backend only after it has written. */
function asIfEmbedded(backend: InferenceBackend): InferenceBackend {
  return {
    name: backend.name,
    remote: false,
    evaluate: (request, options) => backend.evaluate(request, options),
  };
}

/** The benchmark's model with images of another size. */
function modelOf(image: WalkInput['image'], batch: number): ModelManifest {
  return { ...findModel(MODEL)!, image, output_channels: 2 * image.channels, max_batch_size: batch };
}
