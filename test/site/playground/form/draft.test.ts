import { expect, test } from 'vitest';
import {
  asList,
  type ClassChoice,
  classFields,
  guidanceOf,
  keepEvery,
  type ScaleChoice,
  scaleAt,
} from '../../../../src/site/playground/form/draft.ts';
import {
  classChoiceOf,
  scaleChoiceFrom,
  scaleChoiceOf,
} from '../../../../src/site/playground/form/from-sample.ts';

const chosen = [
  { index: 3, weight: '0.7' },
  { index: 8, weight: '-0.3' },
];
const SCALE: ScaleChoice = {
  kind: 'constant',
  scale: '4',
  from: '800',
  to: '200',
  first: '0',
  last: '6',
  list: '8, 4 2\n0;1',
};

test('one class is a class, several in turns are a list, several blended are weights', () => {
  expect(classFields({ mode: 'turns', chosen: [] })).toEqual({});
  expect(classFields({ mode: 'blend', chosen: chosen.slice(0, 1) })).toEqual({ class: 3 });
  expect(classFields({ mode: 'turns', chosen })).toEqual({ classes: [3, 8] });
  expect(classFields({ mode: 'blend', chosen })).toEqual({ class: { 3: 0.7, 8: -0.3 } });
});

test('a scale is a number or a schedule, and an empty field is left to the API', () => {
  expect(guidanceOf(SCALE)).toBe(4);
  expect(guidanceOf({ ...SCALE, scale: ' ' })).toBeUndefined();
  expect(guidanceOf({ ...SCALE, kind: 'interval' })).toEqual({
    type: 'interval',
    scale: 4,
    from: 800,
    to: 200,
  });
  expect(guidanceOf({ ...SCALE, kind: 'linear' })).toEqual({ type: 'linear', from: 0, to: 6 });
  expect(guidanceOf({ ...SCALE, kind: 'list' })).toEqual({ type: 'list', scales: [8, 4, 2, 0, 1] });
  expect(guidanceOf({ ...SCALE, kind: 'list', list: '1, x' })).toEqual({ type: 'list', scales: [1, 'x'] });
});

test('the curve follows the schedule from the noisiest timestep down', () => {
  expect(scaleAt({ ...SCALE, kind: 'interval' }, 801, 1000)).toBe(0);
  expect(scaleAt({ ...SCALE, kind: 'interval' }, 800, 1000)).toBe(4);
  expect(scaleAt({ ...SCALE, kind: 'linear' }, 999, 1000)).toBe(0);
  expect(scaleAt({ ...SCALE, kind: 'linear' }, 0, 1000)).toBe(6);
  const list = [999, 750, 500, 250, 0].map((at) => scaleAt({ ...SCALE, kind: 'list' }, at, 1000));
  expect(list.map(Math.round)).toEqual([8, 4, 2, 0, 1]);
});

test('a list begins as the curve that was there, and stretches to the steps that there are', () => {
  const listed = (choice: ScaleChoice, steps: string) => asList(choice, steps, 1000).list;
  expect(listed({ ...SCALE, kind: 'constant' }, '3')).toBe('4, 4, 4');
  expect(listed({ ...SCALE, kind: 'interval' }, '5')).toBe('0, 4, 4, 4, 0');
  expect(listed({ ...SCALE, kind: 'linear' }, '4')).toBe('0, 2, 4, 6');
  expect(listed({ ...SCALE, kind: 'list' }, '9')).toBe('8, 6, 4, 3, 2, 1, 0, 0.5, 1');
  for (const steps of ['', 'x', '0', '-3', '1']) expect(listed(SCALE, steps)).toBe('4');
});

test('a fork takes of a list the scales of the steps that are left', () => {
  const sample = { request: { guidance_scale: { type: 'list', scales: [1, 2, 3, 4] } }, patches: [] };
  const model = { guided: true, defaults: { guidance_scale: 4 }, diffusion_steps: 1000 };
  const choice = scaleChoiceFrom(
    sample as unknown as Parameters<typeof scaleChoiceFrom>[0],
    model as Parameters<typeof scaleChoiceFrom>[1],
    3,
  );
  expect(guidanceOf(choice)).toEqual({ type: 'list', scales: [4] });
});

test('about 25 steps are kept, and every one of a short walk', () => {
  expect(keepEvery(10)).toBe(1);
  expect(keepEvery(50)).toBe(2);
  expect(keepEvery(1000)).toBe(40);
});

test('what a sample was asked for comes back as the choice that asks for it', () => {
  const sample = (classes: unknown, guidance_scale: unknown) =>
    ({ request: { classes, guidance_scale }, patches: [] }) as unknown as Parameters<typeof classChoiceOf>[0];
  const model = { guided: true, defaults: { guidance_scale: 4 }, diffusion_steps: 1000 };
  const choices: ClassChoice[] = [
    { mode: 'blend', chosen },
    { mode: 'turns', chosen: chosen.map(({ index }) => ({ index, weight: '1' })) },
  ];
  for (const choice of choices) {
    const { class: one, classes } = classFields(choice);
    expect(classChoiceOf(sample(classes ?? [one], 4))).toEqual(choice);
  }
  for (const kind of ['constant', 'interval', 'linear', 'list'] as const) {
    const wanted = guidanceOf({ ...SCALE, kind });
    const back = scaleChoiceOf(sample([3], wanted), model as Parameters<typeof scaleChoiceOf>[1]);
    expect(guidanceOf(back)).toEqual(wanted);
  }
});
