import { Batcher, type ModelFamily } from '../../server/batching/index.ts';
import { DEFAULT_SCHEDULE, type TensorSignature } from '../../server/model-runner.ts';
import { interleave, timePerCall } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';

const CALLS = 50;
const ROUNDS = 15;
/** Milliseconds of a run. */
const RUN_MS = 5;

export const serverIdle: Measurement = {
  name: 'server-idle',
  title: 'What the queue of an idle server adds',
  method: `A one-image request through the queue in front of the engine, with the default window, against the engine without
it. The engine is a timer of ${RUN_MS} ms, and each request comes when the one before has been answered, from one owner or
from eight in turn, so that the queue knows of others who may come.`,
  async run({ quick, onProgress }) {
    const rows: Row[] = [];
    for (const owners of [1, 8]) {
      onProgress(`${owners} owners`);
      const { family, inputs } = timerFamily();
      const [runner] = new Batcher().serve(family).runners;
      let call = 0;
      const queued = () =>
        runner!.infer(inputs, ['output'], {
          signal: new AbortController().signal,
          schedule: { ...DEFAULT_SCHEDULE, owner: `job-${call++ % owners}` },
        });
      const bare = () => family.diffusion.graph.run(inputs, ['output']);
      const calls = quick ? 20 : CALLS;
      const { ours, floor } = await interleave(
        { ours: () => timePerCall(queued, calls), floor: () => timePerCall(bare, calls) },
        quick ? 2 : ROUNDS,
      );
      rows.push({
        ...{ name: `lone request, ${owners} ${owners === 1 ? 'job' : 'jobs in turn'}`, unit: 'ms' },
        ...{ floorIs: 'without the queue', ...compare(ours, floor) },
        aim: { on: 'difference', atMost: 1 },
      });
    }
    return rows;
  },
};

function timerFamily() {
  const image: TensorSignature = { name: 'x', datatype: 'FP32', shape: [-1, 3, 64, 64] };
  const output: TensorSignature = { ...image, name: 'output' };
  const data = new Float32Array(3 * 64 * 64);
  const signature = {
    ...{ name: 'timer', digest: '', maxBatchSize: 16 },
    ...{ inputs: [image], outputs: [output] },
  };
  const run = async () => {
    await new Promise((resolve) => setTimeout(resolve, RUN_MS));
    return [{ ...output, shape: [1, 3, 64, 64], data }];
  };
  const family: ModelFamily = {
    id: 'timer',
    diffusion: { graph: { run }, signature },
    gradient: null,
    signatures: [signature],
  };
  return { family, inputs: new Map([['x', { ...image, shape: [1, 3, 64, 64], data }]]) };
}
