import { expect, test } from 'vitest';
import { measurementNames } from '../../src/bench/index.ts';
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
    },
  ],
} as const;

test('the page says when, on what and with which versions, and how to take a section again', () => {
  const page = markdownReport(report);
  expect(page).toContain('on 2026-11-22');
  expect(page).toContain('Example CPU, 2 cores, 24 GB, linux x64; node 24.21.0, workerd 1.2.3');
  expect(page).toMatch(/0\.3 before the run, up to\s1\.5 in it/);
  expect(page).toContain('## The commit of a step\n\nFlushed each time. (`npm run bench -- --only commit`)');
  expect(page).toMatch(/^\| commit, 4 KB \|.*\| 1\.50 \[1\.50, 1\.50\] \|/m);
});

test('every measurement can be asked for by a name of its own', () => {
  expect(new Set(measurementNames).size).toBe(measurementNames.length);
  for (const name of measurementNames) expect(name).toMatch(/^[a-z][a-z-]*$/);
});
