import { expect, test } from 'vitest';
import { courseOf, growthPerHundredJobs, hasGrown, hasLeaked } from './memory.ts';

const MINUTES = 10;
const SAMPLES = 300;

/** @param MiB at a minute */
function courseWith(MiB: (minute: number) => number) {
  const minutes = Array.from({ length: SAMPLES }, (_, i) => ((i + 1) * MINUTES) / SAMPLES);
  return courseOf(
    'workerd',
    minutes.map((minute) => ({ minute, MiB: MiB(minute) })),
  );
}

test('memory that fills in the first quarter and then stays has not grown', () => {
  const course = courseWith((minute) => Math.min(100 * minute, 200));
  expect(course).toEqual({ process: 'workerd', earlyMiB: 200, lateMiB: 200, slopeMiBPerMinute: 0 });
  expect(hasGrown(course)).toBe(false);
});

test('memory that a collector takes back now and then has not grown', () => {
  expect(hasGrown(courseWith((minute) => 300 + 60 * (minute % 1)))).toBe(false);
});

test('memory that rises all the time has grown, and by how much a minute is told', () => {
  const course = courseWith((minute) => 300 + 30 * minute);
  expect(course.slopeMiBPerMinute).toBeCloseTo(30);
  expect(hasGrown(course)).toBe(true);
});

test('a peak at the end is no growth', () => {
  expect(hasGrown(courseWith((minute) => (minute > 9 ? 2000 : 300)))).toBe(false);
});

test('of a small process a quarter more says nothing, of a large one 64 MiB more', () => {
  expect(hasGrown({ process: 'small', earlyMiB: 100, lateMiB: 160, slopeMiBPerMinute: 6 })).toBe(false);
  expect(hasGrown({ process: 'small', earlyMiB: 100, lateMiB: 165, slopeMiBPerMinute: 6 })).toBe(true);
  expect(hasGrown({ process: 'large', earlyMiB: 800, lateMiB: 990, slopeMiBPerMinute: 19 })).toBe(false);
  expect(hasGrown({ process: 'large', earlyMiB: 800, lateMiB: 1010, slopeMiBPerMinute: 21 })).toBe(true);
});

test('a heap may hold 3 MiB more at the end, after however many jobs', () => {
  const growth = { heap: 'Worker', earlyMiB: 16, lateMiB: 19, jobs: 600 };
  expect(growthPerHundredJobs(growth)).toBeCloseTo(0.5);
  expect(hasLeaked(growth)).toBe(false);
  expect(hasLeaked({ ...growth, lateMiB: 19.1 })).toBe(true);
  expect(hasLeaked({ ...growth, lateMiB: 12 })).toBe(false);
});
