import { expect, test } from 'vitest';
import { type GuidanceSchedule, guidanceScaleAt, guidesAnywhere } from '../../src/core/index.ts';

/** Scales over five steps of a process of 1000 timesteps. */
function scales(schedule: GuidanceSchedule): number[] {
  const timesteps = [999, 750, 500, 250, 0];
  return timesteps.map((timestep, step) => guidanceScaleAt(schedule, { step, timestep, timesteps: 1000 }));
}

test('a number guides every step alike', () => {
  expect(scales(4)).toEqual([4, 4, 4, 4, 4]);
});

test('an interval guides within its bounds, both included', () => {
  expect(scales({ type: 'interval', scale: 3, from: 750, to: 250 })).toEqual([0, 3, 3, 3, 0]);
});

test('a linear schedule has its ends at the noisiest timestep and at 0', () => {
  const linear = scales({ type: 'linear', from: 10, to: 0 });
  expect(linear[0]).toBe(10);
  expect(linear[4]).toBe(0);
  expect(linear[2]).toBeCloseTo((10 * 500) / 999, 12);
});

test('a list goes step by step, and says when it is too short', () => {
  expect(scales({ type: 'list', scales: [5, 4, 3, 2, 1] })).toEqual([5, 4, 3, 2, 1]);
  expect(() => scales({ type: 'list', scales: [5, 4] })).toThrow('has 2 scales, and none for step 3');
});

test('knows a schedule that never guides', () => {
  const never: GuidanceSchedule[] = [
    0,
    { type: 'interval', scale: 0, from: 9, to: 0 },
    { type: 'linear', from: 0, to: 0 },
    { type: 'list', scales: [0, 0] },
  ];
  expect(never.map(guidesAnywhere)).toEqual([false, false, false, false]);
  expect(guidesAnywhere({ type: 'list', scales: [0, 1] })).toBe(true);
});
