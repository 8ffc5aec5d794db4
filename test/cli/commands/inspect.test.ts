import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';

let out: string;
let err: string;
beforeEach(() => {
  out = '';
  err = '';
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
});
afterEach(() => vi.restoreAllMocks());

const MODEL = 'models/mnist-32/diffusion.onnx';

describe('cairn inspect', () => {
  test('prints a table', async () => {
    expect(await run(['inspect', MODEL])).toBe(0);
    expect(out).toMatch(/^kind +diffusion model$/m);
    expect(out).toMatch(/^input +x float32\[N, 1, 32, 32\]$/m);
  });

  test('prints the same as JSON', async () => {
    expect(await run(['inspect', MODEL, '--json'])).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ path: MODEL, format: 'ONNX', kind: 'diffusion model' });
  });

  test('ends with 2 and one line for what is neither checkpoint nor model', async () => {
    expect(await run(['inspect', 'package.json'])).toBe(2);
    expect(err).toBe('cairn: package.json: neither a checkpoint nor an ONNX model\n');
  });
});
