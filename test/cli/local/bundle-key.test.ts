import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleKey } from '../../../src/cli/local/bundle-key.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-key-'));
  mkdirSync(join(root, 'src/functions'), { recursive: true });
  mkdirSync(join(root, 'models'));
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'wrangler.toml'), 'name = "cairn"');
  writeFileSync(join(root, 'src/functions/index.ts'), 'export {}');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('the same files have the same key', async () => {
  expect(await bundleKey(root)).toBe(await bundleKey(root));
});

test.each([
  ['a source', () => writeFileSync(join(root, 'src/functions/index.ts'), 'export { }')],
  ['a new file', () => writeFileSync(join(root, 'models/model.json'), '')],
  ['a name', () => renameSync(join(root, 'src/functions/index.ts'), join(root, 'src/functions/main.ts'))],
  ['a binding', () => writeFileSync(join(root, 'wrangler.toml'), 'name = "other"')],
  ['a dependency', () => writeFileSync(join(root, 'package-lock.json'), '{"a":1}')],
])('%s that changes changes the key', async (_what, change) => {
  const before = await bundleKey(root);
  change();
  expect(await bundleKey(root)).not.toBe(before);
});
