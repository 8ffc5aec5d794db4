import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BackendError, type BackendErrorKind } from '../../../src/inference/backend.ts';
import { verdict } from '../../../src/inference/fleet/verdict.ts';

const NOW = 1_000_000;
const KINDS: BackendErrorKind[] = [
  'unavailable',
  'timeout',
  'invalid_response',
  'rejected',
  'unknown_model',
  'unauthorized',
  'wrong_model',
];

function refusal(kind: BackendErrorKind, heldUntil: number | null = null, backend: string = kind) {
  return { backend, error: new BackendError(kind, `${kind}!`), heldUntil };
}

test('of one backend is what it said, with its name', () => {
  const only = {
    ...refusal('unavailable', null, 'gpu-1'),
    error: new BackendError('unavailable', 'busy', { retryAfter: 7 }),
  };
  expect(verdict([only], NOW)).toMatchObject({ kind: 'unavailable', message: 'gpu-1: busy', retryAfter: 7 });
});

test('of several names each and what it said', () => {
  const { message } = verdict(
    [refusal('unavailable', null, 'gpu-1'), refusal('unauthorized', null, 'gpu-2')],
    NOW,
  );
  expect(message).toBe('no backend took the step: gpu-1: unavailable!; gpu-2: unauthorized!');
});

test('is final only when every backend has refused for good', () => {
  const some = fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(some, (kinds) => {
      const hopeful = kinds.some((kind) => new BackendError(kind, '').retryable);
      expect(
        verdict(
          kinds.map((kind) => refusal(kind)),
          NOW,
        ).retryable,
      ).toBe(hopeful);
    }),
  );
});

test.each<[BackendErrorKind[], BackendErrorKind]>([
  [['wrong_model', 'unauthorized'], 'wrong_model'],
  [['wrong_model', 'unavailable'], 'unavailable'],
  [['unknown_model', 'unknown_model'], 'unknown_model'],
  [['unknown_model', 'unauthorized'], 'unauthorized'],
  [['unauthorized', 'rejected'], 'rejected'],
])('of %j is %s', (kinds, expected) => {
  expect(
    verdict(
      kinds.map((kind) => refusal(kind)),
      NOW,
    ).kind,
  ).toBe(expected);
});

test('waits until the first of those that asked for patience, if all did', () => {
  const held = [refusal('unavailable', NOW + 9_000), refusal('unavailable', NOW + 4_000)];
  expect(verdict(held, NOW).retryAfter).toBe(4);
  expect(verdict([...held, refusal('unauthorized')], NOW).retryAfter).toBe(4);
  expect(verdict([...held, refusal('timeout')], NOW).retryAfter).toBeUndefined();
  expect(verdict([refusal('unavailable', NOW + 4_000)], NOW).retryAfter).toBe(4);
});
