import { afterAll, expect, it, vi } from 'vitest';
import mnist from '../../models/mnist-32/model.json' with { type: 'json' };

vi.mock('../../src/models/installed.ts', () => ({
  installed: [mnist, { ...mnist, id: 'larger', low_res: { height: 8, width: 8 } }],
}));
// Other files have loaded the registry with what is installed in truth, and others will.
vi.resetModules();
afterAll(() => vi.resetModules());
const { findModel, listModels, missingModel } = await import('../../src/models/registry.ts');

it('offers a model that makes images of nothing but noise', () => {
  expect(listModels().map(({ id }) => id)).toEqual(['mnist-32']);
  expect(findModel('mnist-32')?.id).toBe('mnist-32');
});

it('does not offer one that enlarges an image, and says why', () => {
  expect(findModel('larger')).toBeNull();
  expect(missingModel('larger')).toBe(
    'larger enlarges images of 8x8, and the API has no field for them; there is mnist-32',
  );
  expect(missingModel('other')).toBe('no model "other"; there is mnist-32');
});
