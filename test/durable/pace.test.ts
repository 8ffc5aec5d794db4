import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/durable/batch/pace.ts';

describe('the pace of a batch', () => {
  it('is unknown before two commits in a row', () => {
    const pace = new Pace();
    pace.tick(1_000);
    expect(pace.stepMs).toBeNull();
    pace.tick(1_040);
    expect(pace.stepMs).toBe(40);
  });

  it('follows the steps of late: a slow first one is forgotten', () => {
    const pace = new Pace();
    let now = 0;
    for (const ms of [0, 4_000, ...new Array<number>(40).fill(100)]) {
      now += ms;
      pace.tick(now);
    }
    expect(pace.stepMs).toBeGreaterThan(99);
    expect(pace.stepMs).toBeLessThan(102);
  });

  it('does not count a pause between two alarms', () => {
    const pace = new Pace();
    pace.tick(0);
    pace.tick(50);
    pace.reset();
    pace.tick(90_000);
    expect(pace.stepMs).toBe(50);
  });
});
