/** onnxruntime alone, in the same engine, isolate and WebAssembly module as the embedded backend. */

import classifier from '../../../models/mnist-32/classifier.onnx';
import { embeddedModels } from '../../inference/embedded/models.ts';
import { ort } from '../../inference/embedded/onnxruntime.ts';
import { findModel } from '../../models/registry.ts';
import { bareInputs } from '../bare-inputs.ts';
import { MODEL } from '../sample-spec.ts';
import type { BareInput, Duration } from './operations.ts';

const models = embeddedModels.get(MODEL)!;
const graphs = { diffusion: models.diffusion, gradient: models.gradient!, classifier };
const sessions = new Map<string, ort.InferenceSession>();

export async function runBare({ graphs: names, batch, runs }: BareInput): Promise<Duration> {
  const calls: {
    session: ort.InferenceSession;
    feeds: Record<string, ort.Tensor>;
    wanted: readonly string[];
  }[] = [];
  for (const name of names) {
    const session = sessions.get(name) ?? (await open(name));
    const { inputs, wanted } = bareInputs(findModel(MODEL)!, batch, name);
    const feeds = Object.fromEntries(
      inputs.map(({ name: input, data, shape }) => [input, new ort.Tensor('float32', data, shape)]),
    );
    calls.push({ session, feeds, wanted });
  }
  await scheduler.wait(0); // the clock stands still between I/O events
  const startedAt = Date.now();
  for (let run = 0; run < runs; run++) {
    for (const { session, feeds, wanted } of calls) await session.run(feeds, wanted);
  }
  await scheduler.wait(0);
  return { ms: (Date.now() - startedAt) / runs };
}

async function open(name: keyof typeof graphs): Promise<ort.InferenceSession> {
  const session = await ort.InferenceSession.create(new Uint8Array(graphs[name]), {
    executionProviders: ['wasm'],
  });
  sessions.set(name, session);
  return session;
}
