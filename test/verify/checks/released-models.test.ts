import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CheckResult, verifyDirectory } from '../../../src/verify/index.ts';
import { officialModels } from '../../onnx/fixtures.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cairn-verify-'));
});
afterEach(() => rm(root, { recursive: true }));

const { name, ...model } = officialModels.find(({ name }) => name === '64x64_classifier')!;

async function verify(change: (shapes: Record<string, number[]>) => void): Promise<CheckResult> {
  const state_dict = structuredClone(model.state_dict) as Record<string, number[]>;
  change(state_dict);
  const text = JSON.stringify({ [name]: { ...model, state_dict } });
  await writeFile(join(root, 'models_b7.json.gz'), gzipSync(new TextEncoder().encode(text)));
  for await (const result of verifyDirectory(root)) return result;
  throw new Error('no result');
}

it('passes a released model under any file name', async () => {
  expect(await verify(() => {})).toMatchObject({ status: 'ok', cases: 2 });
});

it.each<[string, (shapes: Record<string, number[]>) => void]>([
  ['1 missing', (shapes) => delete shapes['out.2.c_proj.bias']],
  ['1 unexpected', (shapes) => Object.assign(shapes, { extra: [1] })],
  ['1 misshapen', (shapes) => Object.assign(shapes, { 'out.2.c_proj.bias': [999] })],
])('fails a list with %s tensor', async (problem, change) => {
  const result = await verify(change);
  expect(result.status).toBe('failed');
  expect(result.detail).toContain(problem);
});
