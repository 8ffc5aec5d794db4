import { expect, test } from 'vitest';
import { markdownReport } from '../../../src/bench/gpu/report.ts';

const machine = {
  cpu: 'a processor',
  cores: 16,
  memoryGb: 128,
  platform: 'linux x64',
  versions: { node: '24', 'onnxruntime-node': '1.30.0' },
};

test('a page has the card, a column for each configuration, and why one stopped', () => {
  const page = markdownReport(
    {
      cards: ['NVIDIA H200 (driver 1)'],
      torch: 'PyTorch 2 on NVIDIA H200',
      results: [
        {
          ...{ size: '64', engine: 'cuda', dtype: 'fp16' },
          points: [
            { batch: 1, times: [30, 10, 20] },
            { batch: 4, times: [40] },
          ],
          error: 'out of memory',
        },
        { size: '64', engine: 'pytorch', dtype: 'fp16', points: [{ batch: 1, times: [50] }] },
      ],
      truth: 'pytorch',
      agreements: [{ engine: 'cuda', dtype: 'fp16', error: 0.00123 }],
    },
    machine,
  );
  expect(page).toContain('GPU: NVIDIA H200 (driver 1).');
  expect(page).toContain('## 64x64 (imagenet-64)');
  expect(page.split('\n').filter((line) => line.startsWith('|'))).toEqual([
    '| batch | cuda fp16 | pytorch fp16 |',
    '| --- | --- | --- |',
    '| 1 | 20.0 ms, 50.0/s | 50.0 ms, 20.0/s |',
    '| 4 | 40.0 ms, 100/s |  |',
    '| engine | dtype | error |',
    '| --- | --- | --- |',
    '| cuda | fp16 | 1.2e-3 |',
  ]);
  expect(page).toContain('- cuda fp16: out of memory');
  expect(page).toContain('Largest difference from PyTorch in float32');
});

test('a page without a card says that it is a rehearsal', () => {
  const report = { cards: [], torch: null, results: [], truth: null, agreements: [] };
  const page = markdownReport(report, machine);
  expect(page).toContain('GPU: none: this is a rehearsal on the processor.');
  expect(page).toContain('No PyTorch found.');
});

test('a page without PyTorch says what answers were held against', () => {
  const agreements = [{ engine: 'webgpu', dtype: 'fp32', error: 2e-6 }] as const;
  const report = { cards: [], torch: null, results: [], truth: 'cpu', agreements } as const;
  expect(markdownReport(report, machine)).toContain('Largest difference from onnxruntime in float32');
});
