import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { drawNoise } from '../../../src/core/index.ts';
import { GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
import { problem, type StandIn, startStandIn } from '../../client/stand-in.ts';
import { npzBytes } from '../../verify/write-npz.ts';

let api: StandIn;
let folder: string;
let out: string;
let err: string;
beforeEach(async () => {
  api = await startStandIn();
  folder = await mkdtemp(join(tmpdir(), 'cairn-evaluate-test-'));
  [out, err] = ['', ''];
  vi.stubEnv('CAIRN_API_URL', api.url);
  vi.stubEnv('CAIRN_API_KEY', 'cairn_key');
  vi.stubEnv('TMPDIR', folder);
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  api.close();
  await rm(folder, { recursive: true, force: true });
});

async function featureFile(name: string, seed: number, images = 60): Promise<string> {
  const path = join(folder, name);
  const features = { shape: [images, 2], data: drawNoise([seed], images * 2, 0) };
  await writeFile(path, npzBytes({ features }));
  return path;
}

/** Images of two pixels, which are their features. */
async function twoPixels(): Promise<{ network: string; images: Uint8Array }> {
  const g = new GraphBuilder({ name: 'two-pixels' });
  const image = g.input('image', 'float32', ['N', 1, 1, 2]);
  g.output(g.op('Reshape', [image, g.ints([-1, 2])]), 'features');
  const network = join(folder, 'two-pixels.onnx');
  await writeFile(network, serializeModel(g.build()));
  const data = Uint8Array.from({ length: 40 }, (_, i) => (i * 37) % 256);
  return { network, images: npzBytes({ arr_0: { shape: [20, 1, 2, 1], data } }) };
}

const finished = (npz: string | null, status = 'succeeded') => ({
  body: { id: 'smp_1', status, outputs: { grid: null, npz, latents: null } },
});

describe("a finished sample's images", () => {
  it('are fetched by its id, judged, and not kept', async () => {
    const { network, images } = await twoPixels();
    const path = join(folder, 'reference.npz');
    await writeFile(path, images);
    api.answer(finished(`${api.url}/v1/samples/smp_1/samples.npz`), { body: images });
    expect(await run(['evaluate', path, 'smp_1', '--features', network, '--bootstrap', '0', '--json'])).toBe(
      0,
    );
    expect(JSON.parse(out)).toMatchObject({ samples: 'smp_1', images: 20 });
    expect(JSON.parse(out).metrics[0].value).toBeCloseTo(0, 9);
    expect(api.asked.map(({ line }) => line)).toEqual([
      'GET /v1/samples/smp_1',
      'GET /v1/samples/smp_1/samples.npz',
    ]);
    expect(api.asked[1]!.headers.authorization).toBe('Bearer cairn_key');
    expect((await readdir(folder)).filter((name) => name.startsWith('cairn-'))).toEqual([]);
  });

  it('are waited for by nobody: one that still runs is refused', async () => {
    api.answer(finished(null, 'running'));
    expect(await run(['evaluate', await featureFile('a.npz', 1), 'smp_1'])).toBe(1);
    expect(err).toBe('cairn: smp_1 is running; its images can be judged once it has succeeded\n');
  });

  it('of nobody we know are an error of the API', async () => {
    api.answer(problem('not-found', 404));
    expect(await run(['evaluate', await featureFile('a.npz', 1), 'smp_1'])).toBe(1);
    expect(err).toBe('cairn: it is not-found\n');
  });
});

test('several sets are columns of one table, and one drawing', async () => {
  const files = [
    await featureFile('a.npz', 1),
    await featureFile('b.npz', 2),
    await featureFile('c.npz', 3, 50),
  ];
  const svg = join(folder, 'all.svg');
  expect(await run(['evaluate', ...files, '--bootstrap', '10', '--plot', svg])).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^ +b\.npz +c\.npz$/);
  expect(lines[1]).toMatch(/^Frechet distance( +\d.*\[.*\] 95 %){2}$/);
  expect(lines.at(-1)).toBe(
    'warning: 60, 50 images: compare Frechet distance, recall and coverage of equal counts only',
  );
  expect(await readFile(svg, 'utf8')).toMatch(/^<svg [\s\S]*b\.npz[\s\S]*c\.npz[\s\S]*<\/svg>\n$/);
});

test('as JSON several sets are a list, one set is itself', async () => {
  const [a, b] = [await featureFile('a.npz', 1), await featureFile('b.npz', 2)];
  expect(await run(['evaluate', a, b, b, '--bootstrap', '0', '--json'])).toBe(0);
  expect(JSON.parse(out)).toMatchObject([{ images: 60 }, { images: 60 }]);
  out = '';
  expect(await run(['evaluate', a, b, '--bootstrap', '0', '--json'])).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ samples: 'b.npz', warnings: [] });
});

test('a drawing is an .svg, somewhere that can be written', async () => {
  const a = await featureFile('a.npz', 1);
  expect(await run(['evaluate', a, a, '--plot', 'all.gif'])).toBe(2);
  expect(err).toBe('cairn: --plot: expected the name of an .svg file, got all.gif\n');
  err = '';
  const nowhere = join(folder, 'none/all.svg');
  expect(await run(['evaluate', a, a, '--bootstrap', '0', '--plot', nowhere])).toBe(2);
  expect(err).toContain(`--plot: can't write ${nowhere}`);
});
