import { expect, test } from 'vitest';
import { InFlight } from '../../../src/inference/fleet/in-flight.ts';

test('images are under way from the call to its end', () => {
  const inFlight = new InFlight();
  const endFirst = inFlight.begin(3, 100);
  const endSecond = inFlight.begin(8, 100);
  expect(inFlight.images(0)).toBe(11);
  endFirst();
  endFirst();
  expect(inFlight.images(0)).toBe(8);
  endSecond();
  expect(inFlight.images(0)).toBe(0);
});

test('a call whose object was torn down counts until its deadline and no longer', () => {
  const inFlight = new InFlight();
  inFlight.begin(4, 100);
  expect(inFlight.images(100)).toBe(4);
  expect(inFlight.images(101)).toBe(0);
});
