/** Bodies worth starting from, by operation. A test sends them through the schemas. */

interface Example {
  readonly summary: string;
  readonly value: unknown;
}

export const REQUEST_EXAMPLES: Readonly<Record<string, Readonly<Record<string, Example>>>> = {
  createSample: {
    digits: { summary: 'Three digits', value: { model: 'mnist-32', classes: [3, 1, 4], seed: 7 } },
    ddim: {
      summary: 'Deterministic, in 25 steps',
      value: { model: 'mnist-32', class: 8, sampler: 'ddim', steps: 'ddim25', guidance_scale: 4, seed: 7 },
    },
    mixture: {
      summary: 'Between two classes, guided in the middle of the trajectory only',
      value: {
        model: 'mnist-32',
        class: { 3: 0.7, 8: 0.3 },
        guidance_scale: { type: 'interval', scale: 6, from: 800, to: 200 },
        seed: 7,
      },
    },
    webhook: {
      summary: 'Told by webhook when it ends',
      value: {
        model: 'mnist-32',
        class: 3,
        count: 4,
        webhook: { url: 'https://example.com/hooks/cairn' },
      },
    },
  },
  patchSample: {
    scale: { summary: 'Guide less from here on', value: { guidance_scale: 1.5 } },
    class: { summary: 'Head for another class', value: { class: 8 } },
  },
  createKey: {
    reader: { summary: 'May look, not draw', value: { name: 'dashboard', scopes: ['samples:read'] } },
  },
  rotateKey: { hour: { summary: 'The old key works for another hour', value: { grace_seconds: 3600 } } },
  createAccount: { account: { summary: 'An account', value: { name: 'Digits Ltd' } } },
};
