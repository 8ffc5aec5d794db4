import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from '../../src/server/index.ts';
import { type ClientInput, infer } from './protocol-client.ts';
import { IMAGE, writeTinyModel } from './tiny-model.ts';

const PIXELS = IMAGE.channels * IMAGE.height * IMAGE.width;
/** Enough for answers whose memory is used again. */
const IMAGES = 4000;

test('large answers keep their values while the memory of others is used again', async () => {
  const modelsDir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  await writeTinyModel(modelsDir, { id: 'tiny', maxBatchSize: IMAGES });
  const server = await startServer({
    modelsDir,
    host: '127.0.0.1',
    port: 0,
    batching: { maxBatchSize: IMAGES, maxQueuedItems: 10 * IMAGES },
  });
  const ask = async (value: number) => {
    const answer = await infer(`${server.url}/v2/models/tiny`, {
      inputs: [
        { ...image, values: new Array(IMAGES * PIXELS).fill(value) },
        { name: 'timestep', datatype: 'FP32', shape: [IMAGES], values: new Array(IMAGES).fill(3) },
      ],
      outputs: [{ name: 'output', binary: true }],
    });
    expect(answer.status).toBe(200);
    return new Set(answer.values.output);
  };
  const image: Omit<ClientInput, 'values'> = {
    name: 'x',
    datatype: 'FP32',
    shape: [IMAGES, IMAGE.channels, IMAGE.height, IMAGE.width],
  };
  try {
    for (let round = 0; round < 3; round++) {
      const values = [1, 2, 3, 4].map((value) => 10 * round + value);
      const answers = await Promise.all(values.map(ask));
      expect(answers).toEqual(values.map((value) => new Set([3 * value, value + 1])));
    }
  } finally {
    await server.close();
    await rm(modelsDir, { recursive: true });
  }
});
