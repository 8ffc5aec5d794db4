import { drawNoise } from '../../core/index.ts';
import { interleave } from '../interleave.ts';
import type { Measurement } from '../measurement.ts';
import { compare } from '../statistics.ts';

const ELEMENTS = 3 * 256 * 256;
const ROUNDS = 15;

export const noise: Measurement = {
  name: 'noise',
  title: 'Drawing noise',
  method: `Noise per element in Node: Philox4x32-10 and a Box-Muller transform in arithmetic that gives the same bits in
every engine. The floor is a Box-Muller transform on the engine's own generator and functions (Math.random, log, sin),
which can't be repeated.`,
  async run({ quick, onProgress }) {
    onProgress(`${ELEMENTS} elements`);
    let call = 0;
    const times = await interleave(
      {
        ours: () => nsPerElement(() => drawNoise([1], ELEMENTS, call++)),
        floor: () => nsPerElement(() => unrepeatable(ELEMENTS)),
      },
      quick ? 3 : ROUNDS,
    );
    const row = { name: 'noise per element', unit: 'ns', floorIs: 'Math.random' } as const;
    return [{ ...row, ...compare(times.ours, times.floor) }];
  },
};

function unrepeatable(elements: number): Float32Array {
  const out = new Float32Array(elements);
  for (let i = 0; i < elements; i++) {
    out[i] = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.sin(2 * Math.PI * Math.random());
  }
  return out;
}

function nsPerElement(draw: () => Float32Array): number {
  const startedAt = performance.now();
  const { length } = draw();
  return ((performance.now() - startedAt) * 1e6) / length;
}
