import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { formatLine, showConversion } from '../../src/cli/convert-progress.ts';

it('draws how much of a part is written', () => {
  const line = formatLine({}, { progress: 0.5, value: 1.145e9, total: 2.29e9 }, { label: '[0/3] diffusion' });
  expect(line).toBe('[############------------] [0/3] diffusion, 1145 of 2290 MB');
});

it('writes a line for each part where there is no terminal', () => {
  const stream = new PassThrough();
  const display = showConversion(Object.assign(stream, { isTTY: false }));
  display.part('diffusion', 0, 3);
  display.bytes(5, 10);
  display.part('classifier', 1, 3);
  display.stop();
  expect(String(stream.read())).toBe('[0/3] diffusion\n[1/3] classifier\n');
});
