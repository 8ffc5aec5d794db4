import { describe, expect, test } from 'vitest';
import { type DemoOptions, explainProblem, requestOf } from '../../../src/cli/demo/request.ts';

const options: DemoOptions = { model: 'mnist-32', class: [0, 1, 2], sampler: 'ddpm', seed: 20, out: 'out' };

describe('requestOf', () => {
  test('asks for three rounds of the classes and leaves the guidance scale to the model', () => {
    expect(requestOf(options)).toEqual({
      model: 'mnist-32',
      classes: [0, 1, 2],
      sampler: 'ddpm',
      steps: 15,
      seed: 20,
      count: 9,
    });
  });

  test('what is given wins', () => {
    const given = { scale: 0, steps: '', count: 1, sampler: 'ddim' } as const;
    expect(requestOf({ ...options, ...given })).toMatchObject({
      guidance_scale: 0,
      steps: '',
      count: 1,
      sampler: 'ddim',
    });
  });

  test('a plain number of steps leaves the spacing to Cairn, the grammar is passed on', () => {
    expect(requestOf({ ...options, sampler: 'ddim' }).steps).toBe(20);
    expect(requestOf({ ...options, steps: '50' }).steps).toBe(50);
    expect(requestOf({ ...options, steps: 'ddim25' }).steps).toBe('ddim25');
    expect(requestOf({ ...options, steps: '10,10' }).steps).toBe('10,10');
  });
});

describe('explainProblem', () => {
  const problem = {
    type: '/problems/x',
    title: 'x',
    status: 422,
    detail: 'as a whole',
    instance: '/v1/samples',
  };

  test('names the flags whose values the API refuses', () => {
    const errors = [
      { pointer: '/classes/3', detail: '12 is no class' },
      { pointer: '/guidance_scale', detail: 'expected at most 100' },
    ];
    expect(explainProblem({ ...problem, errors })).toBe(
      '--class: 12 is no class; --scale: expected at most 100',
    );
  });

  test('is the detail where no field is named', () => {
    expect(explainProblem(problem)).toBe('as a whole');
  });
});
