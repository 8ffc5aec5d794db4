import { expect, test } from 'vitest';
import { fragmentOf, readFragment } from '../../../src/site/playground/link.ts';

test('a fragment carries a key or samples, each once', () => {
  expect(readFragment('')).toEqual({ key: null, samples: [] });
  expect(readFragment('#key=cairn_abc')).toEqual({ key: 'cairn_abc', samples: [] });
  expect(readFragment('#sample=smp_a,smp_b,smp_a,')).toEqual({ key: null, samples: ['smp_a', 'smp_b'] });
});

test('what is written is read again', () => {
  expect(fragmentOf([])).toBe('');
  expect(readFragment(`#${fragmentOf(['smp_a', 'smp_b'])}`).samples).toEqual(['smp_a', 'smp_b']);
});
