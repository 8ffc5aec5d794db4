import { describe, expect, test } from 'vitest';
import { classList, decimalNumber, wholeNumber } from '../../src/cli/parse-option.ts';

describe('wholeNumber', () => {
  test.each(['', ' 1', '+1', '-1', '1.0', '1e3', '0x10', '9007199254740993', 'NaN'])('refuses %j', (text) => {
    expect(() => wholeNumber(0)(text)).toThrow('Expected a whole number, 0 or more.');
  });

  test('takes its bounds in', () => {
    const parse = wholeNumber(1, 3);
    expect([parse('1'), parse('3')]).toEqual([1, 3]);
    expect(() => parse('0')).toThrow('Expected a whole number, from 1 to 3.');
    expect(() => parse('4')).toThrow('Expected a whole number, from 1 to 3.');
  });
});

describe('decimalNumber', () => {
  test.each([
    ['0', 0],
    ['2.5', 2.5],
    ['.5', 0.5],
    ['1e1', 10],
  ])('takes %j', (text, value) => {
    expect(decimalNumber(0)(text)).toBe(value);
  });

  test.each(['', 'x', '1,5', '-1', 'Infinity', '1e999', '0x1'])('refuses %j', (text) => {
    expect(() => decimalNumber(0)(text)).toThrow('Expected a number, 0 or more.');
  });
});

describe('classList', () => {
  test('reads indices as numbers and leaves names as they are', () => {
    expect(classList('3')).toEqual([3]);
    expect(classList('3, 1,red fox')).toEqual([3, 1, 'red fox']);
  });

  test.each(['', ',', '1,', '1,,2'])('refuses %j', (text) => {
    expect(() => classList(text)).toThrow('Expected a class');
  });
});
