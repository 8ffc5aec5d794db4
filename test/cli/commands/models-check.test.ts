import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { writeModel } from '../../check/model-folder.ts';

let parent: string;
let out: string;
let err: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  out = '';
  err = '';
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(parent, { recursive: true });
});

describe('cairn models check', () => {
  test('tells the findings and the cost of a step of one model folder', async () => {
    expect(await run(['models', 'check', await writeModel(parent, 'one')])).toBe(0);
    expect(out).toContain(`${join(parent, 'one')}: ok\n`);
    expect(out).toMatch(/^ {2}ok {2}gradient +along a random direction within /m);
    expect(out).toMatch(/^ {2}batch +U-Net +gradient +both +sent a step +received a step$/m);
    expect(out).toMatch(/^ {2}3 +\S+ ms +\S+ ms +\S+ ms +\S+ kB +\S+ kB$/m);
  });

  test('goes through a folder of models, and ends with 1 if one of them is wrong', async () => {
    await writeModel(parent, 'good');
    await writeModel(parent, 'bad', { manifest: (manifest) => ({ ...manifest, id: 'worse' }) });
    expect(await run(['models', 'check', parent, '--json', '--threads', '1'])).toBe(1);
    expect(err).toBe('cairn: 1 of 2 models failed\n');
    expect(JSON.parse(out)).toMatchObject([
      { folder: join(parent, 'bad'), ok: false, costs: [] },
      { folder: join(parent, 'good'), ok: true },
    ]);
  });

  test('ends with 2 where there is no model', async () => {
    expect(await run(['models', 'check', parent])).toBe(2);
    expect(err).toBe(`cairn: ${parent}: neither a model folder (no model.json) nor one of models\n`);
  });
});
