import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectRoot } from '../../src/cli/local/project.ts';
import { isInstalledFolder, registerModels } from '../../src/cli/register-models.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cairn-register-'));
  await mkdir(join(root, 'src/models'), { recursive: true });
  await addModel('mnist-32');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function addModel(id: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(projectRoot, 'models/mnist-32/model.json'), 'utf8'));
  await mkdir(join(root, 'models', id), { recursive: true });
  await writeFile(join(root, 'models', id, 'model.json'), JSON.stringify({ ...manifest, id }));
}

function list(): Promise<string> {
  return readFile(join(root, 'src/models/installed.ts'), 'utf8');
}

test('the list in this project is that of its folder', async () => {
  await cp(join(projectRoot, 'models'), join(root, 'models'), { recursive: true });
  await registerModels(root);
  expect(await readFile(join(projectRoot, 'src/models/installed.ts'), 'utf8')).toBe(await list());
});

test('every folder with a model.json is imported, under a name that is one in JavaScript', async () => {
  await addModel('3-colours');
  await mkdir(join(root, 'models/.converting'));
  await mkdir(join(root, 'models/notes'));
  expect(await registerModels(root)).toEqual({ offered: ['3-colours', 'mnist-32'], reasons: [] });
  const text = await list();
  expect(text).toContain(`import _3_colours from '../../models/3-colours/model.json'`);
  expect(text).toContain('= [_3_colours, mnist_32];');
});

test('a model that enlarges images is on the list, and is said not to be offered', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'models/mnist-32/model.json'), 'utf8'));
  const larger = { ...manifest, id: 'larger', low_res: { height: 8, width: 8 } };
  await mkdir(join(root, 'models/larger'));
  await writeFile(join(root, 'models/larger/model.json'), JSON.stringify(larger));
  expect(await registerModels(root)).toEqual({
    offered: ['mnist-32'],
    reasons: ['larger enlarges images of 8x8, and the API has no field for them'],
  });
  expect(await list()).toContain('= [larger, mnist_32];');
});

test('a model.json that is wrong leaves the list as it was', async () => {
  await registerModels(root);
  const before = await list();
  await addModel('other');
  await rename(join(root, 'models/other'), join(root, 'models/renamed'));
  await expect(registerModels(root)).rejects.toThrow('id is "other" but the folder is "renamed"');
  await writeFile(join(root, 'models/renamed/model.json'), '{}');
  await expect(registerModels(root)).rejects.toThrow('is not a valid model.json');
  await writeFile(join(root, 'models/renamed/model.json'), '{"id":');
  await expect(registerModels(root)).rejects.toThrow('models/renamed/model.json is not JSON');
  expect(await list()).toBe(before);
});

test("only folders directly in models/ are the project's", () => {
  expect(isInstalledFolder(join(root, 'models/new'), root)).toBe(true);
  expect(isInstalledFolder(join(root, 'elsewhere/new'), root)).toBe(false);
  expect(isInstalledFolder(join(root, 'models/.new'), root)).toBe(false);
});
