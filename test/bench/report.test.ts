import { expect, test } from 'vitest';
import { measure, measurementNames } from '../../src/bench/index.ts';
import type { MeasureOptions, Row } from '../../src/bench/measurement.ts';
import { markdownReport } from '../../src/bench/report.ts';
import { compare } from '../../src/bench/statistics.ts';

const report = {
  date: '2026-11-22',
  machine: {
    cpu: 'Example CPU',
    cores: 2,
    memoryGb: 24,
    platform: 'linux x64',
    versions: { node: '24.21.0', workerd: '1.2.3' },
  },
  load: { before: 0.25, highest: 1.5 },
  sections: [
    {
      name: 'commit',
      title: 'The commit of a step',
      method: 'Flushed each time.',
      rows: [{ name: 'commit, 4 KB', unit: 'ms', floorIs: 'bare SQL write', ...compare([3], [2]) }],
      notes: ['2 commits a second.'],
      failure: null,
    },
    {
      ...{ name: 'load', title: 'Everybody looks', method: 'All are polled.', rows: [], notes: [] },
      failure: 'smp_1 was lost\na webhook never arrived',
    },
  ],
} as const;

test('the page says when, on what and with which versions, and how to take a section again', () => {
  const page = markdownReport(report);
  expect(page).toContain('on 2026-11-22');
  expect(page).toContain('Example CPU, 2 cores, 24 GB, linux x64; node 24.21.0, workerd 1.2.3');
  expect(page).toMatch(/0\.3 before the run, up to\s1\.5 in it/);
  expect(page).toContain('## The commit of a step\n\nFlushed each time. (`npm run bench -- --only commit`)');
  expect(page).toContain('|\n\n- 2 commits a second.\n\n## Everybody looks');
  expect(page).toMatch(/^\| commit, 4 KB \|.*\| 1\.50 \[1\.50, 1\.50\] \|/m);
});

test('a measurement that failed says so in its section, and how', () => {
  const page = markdownReport(report);
  expect(page).toContain('**Failed:**\n\n```\nsmp_1 was lost\na webhook never arrived\n```');
});

test('a measurement that throws keeps its notes and takes nothing with it', async () => {
  const broken = {
    ...{ name: 'broken', title: 'Broken', method: '' },
    async run({ onNote }: MeasureOptions): Promise<Row[]> {
      onNote('one job was counted');
      throw new Error('the other was lost');
    },
  };
  expect(await measure(broken, { quick: true, onProgress: () => {} })).toMatchObject({
    rows: [],
    notes: ['one job was counted'],
    failure: 'the other was lost',
  });
});

test('every measurement can be asked for by a name of its own', () => {
  expect(new Set(measurementNames).size).toBe(measurementNames.length);
  for (const name of measurementNames) expect(name).toMatch(/^[a-z][a-z-]*$/);
});
