import { z } from 'zod';
import { drawNoise, philox4x32 } from '../../core/index.ts';
import { type CheckKind, hasKeys } from '../contract.ts';
import { Comparison, largestMagnitude } from '../result.ts';

const index = z.looseObject({ seeds: z.array(z.int()), call_shapes: z.array(z.array(z.int())) });

/** Gaussian noise in the layout of PyTorch's CUDA generator. */
export const philoxNoise: CheckKind = {
  name: 'Philox noise',
  recognises: (content) => hasKeys(content, 'seeds', 'call_shapes'),
  async *run({ directory, path, content }) {
    const { seeds } = index.parse(content);
    const { path: file, npz } = await directory.companion(path, `s${seeds[0] ?? 0}_call0`);
    const comparison = new Comparison();
    for (const name of npz.names) {
      const parsed = parseName(name);
      if (parsed === null) {
        comparison.same(`array ${name} is of a known kind`, false, true);
        continue;
      }
      const { seed, call, raw } = parsed;
      if (raw) {
        const expected = npz.numbers(name);
        comparison.close(name, rawWords(seed, call, expected.length / 4), expected, 0);
      } else {
        const expected = npz.float32(name);
        // the same float64 transform, rounded once: a last bit of a sine or logarithm may tip one rounding
        const tolerance = 2 ** -23 * largestMagnitude(expected);
        comparison.close(name, drawNoise([seed], expected.length, call), expected, tolerance);
      }
    }
    yield comparison.result(file);
  },
};

/** Names are s<seed>_call<j>, s<seed>_call<j>_raw_uint32, s<seed>_fresh_<shape> and s<seed>_offset<j>_n<elements>. */
function parseName(name: string): { seed: number; call: number; raw: boolean } | null {
  const match = /^s(\d+)_(?:fresh_[\dx]+|call(\d+)(_raw_uint32)?|offset(\d+)_n\d+)$/.exec(name);
  if (!match) return null;
  return { seed: Number(match[1]), call: Number(match[2] ?? match[4] ?? 0), raw: match[3] !== undefined };
}

/** The four words of each element as the file has them: all first words, all second words, and so on. */
function rawWords(seed: number, call: number, elements: number): number[] {
  const words = new Uint32Array(4);
  const all = new Array<number>(4 * elements);
  for (let element = 0; element < elements; element++) {
    philox4x32(call, 0, element, 0, seed | 0, Math.floor(seed / 2 ** 32), words);
    for (const [k, word] of words.entries()) all[k * elements + element] = word;
  }
  return all;
}
