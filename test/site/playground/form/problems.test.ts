import { expect, test } from 'vitest';
import { CairnError } from '../../../../src/client/error.ts';
import { problemsOf } from '../../../../src/site/playground/form/problems.ts';

const refused = (errors?: { pointer: string; detail: string }[]) =>
  new CairnError(422, {
    type: '/problems/invalid-request',
    title: 'The request is not valid',
    status: 422,
    detail: 'something is wrong',
    instance: '/v1/samples',
    ...(errors !== undefined && { errors }),
  });

test('a complaint goes to the field that its pointer begins with', () => {
  const error = refused([
    { pointer: '/classes/3', detail: 'no such class' },
    { pointer: '/guidance_scale/from', detail: 'too large' },
    { pointer: '/steps', detail: 'too many' },
    { pointer: '/steps', detail: 'not spaced' },
  ]);
  expect(problemsOf(error, ['class', 'guidance_scale', 'steps'])).toEqual({
    fields: { class: 'no such class', guidance_scale: 'too large', steps: 'too many; not spaced' },
    general: null,
  });
});

test('a complaint about one of many scales says which', () => {
  const error = refused([{ pointer: '/guidance_scale/scales/11', detail: 'expected a number' }]);
  expect(problemsOf(error, ['guidance_scale']).fields).toEqual({
    guidance_scale: 'Scale 12: expected a number',
  });
});

test('what belongs to no field is said for the whole form', () => {
  const { fields, general } = problemsOf(refused([{ pointer: '/webhook/url', detail: 'not reachable' }]), [
    'steps',
  ]);
  expect(fields).toEqual({});
  expect(general).toBe('/webhook/url: not reachable');
  expect(problemsOf(refused(), []).general).toBe('something is wrong');
  expect(problemsOf(new TypeError('fetch failed'), []).general).toMatch('does not answer');
});
