/** Runs graphs of ours in onnxruntime, whatever their weights take. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFolder } from './convert/model-folder.ts';
import { weightBytes, writeGraph } from './convert/write-graph.ts';
import { type Graph, serializeModel } from './graph/index.ts';
import ort from './onnxruntime.ts';

/** Above this the graph goes to the engine by way of a file: in memory it would be there several times over. */
const IN_MEMORY_BYTES = 2 ** 26;

/** Opens a session, gives it to `use`, and releases it. */
export async function withSession<T>(
  graph: Graph,
  use: (session: ort.InferenceSession) => Promise<T>,
): Promise<T> {
  const options = { logSeverityLevel: 4 } as const;
  if (weightBytes(graph) < IN_MEMORY_BYTES) {
    return release(await ort.InferenceSession.create(serializeModel(graph), options), use);
  }
  const folder = await mkdtemp(join(tmpdir(), 'cairn-session-'));
  try {
    const model = join(folder, 'model');
    await replaceFolder(model, (writer) => writeGraph(writer, 'graph.onnx', graph));
    return await release(await ort.InferenceSession.create(join(model, 'graph.onnx'), options), use);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function release<T>(
  session: ort.InferenceSession,
  use: (session: ort.InferenceSession) => Promise<T>,
): Promise<T> {
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}
