import { describe, expect, it } from 'vitest';
import { type Answer, answerTo } from '../../../src/functions/downloads/conditions.ts';

const FILE = { etag: '"abc"', lastModified: new Date('2030-01-01T12:00:00.500Z'), size: 1000 };
const DATE = 'Tue, 01 Jan 2030 12:00:00 GMT';
const BEFORE = 'Tue, 01 Jan 2030 11:59:59 GMT';
const part = (offset: number, length: number): Answer => ({ status: 206, offset, length });
const whole: Answer = { status: 200 };

function answer(headers: Record<string, string>, method = 'GET'): Answer {
  return answerTo(method, new Headers(headers), FILE);
}

describe('Range', () => {
  it.each<[range: string, expected: Answer]>([
    ['bytes=0-99', part(0, 100)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=999-999', part(999, 1)],
    ['bytes=900-', part(900, 100)],
    ['bytes=900-5000', part(900, 100)],
    ['bytes=-100', part(900, 100)],
    ['bytes=-5000', part(0, 1000)],
    ['BYTES=1-2', part(1, 2)],
    ['bytes=1000-', { status: 416 }],
    ['bytes=1000-1001', { status: 416 }],
    ['bytes=999999999999999-', { status: 416 }],
    ['bytes=-0', { status: 416 }],
    ['bytes=5-4', whole], // not a range: ignored, as the standard says
    ['bytes=-', whole],
    ['bytes=a-b', whole],
    ['bytes=1e2-200', whole],
    ['bytes=0x1-0x2', whole],
    ['bytes=0-1,5-6', whole], // several: the whole answers them
    ['items=0-1', whole],
    ['', whole],
  ])('%s', (range, expected) => {
    expect(answer({ Range: range })).toEqual(expected);
  });

  it('is for GET alone', () => {
    expect(answer({ Range: 'bytes=0-1' }, 'HEAD')).toEqual(whole);
  });

  it.each<[condition: string, expected: Answer]>([
    ['"abc"', part(0, 2)],
    ['"other"', whole],
    ['W/"abc"', whole], // a weak tag is not enough to join parts
    [DATE, part(0, 2)],
    [BEFORE, whole],
    ['nonsense', whole],
  ])('with If-Range: %s', (condition, expected) => {
    expect(answer({ Range: 'bytes=0-1', 'If-Range': condition })).toEqual(expected);
  });
});

describe('conditions', () => {
  it.each<[headers: Record<string, string>, status: number]>([
    [{ 'If-None-Match': '"abc"' }, 304],
    [{ 'If-None-Match': 'W/"abc"' }, 304],
    [{ 'If-None-Match': '"x", "abc"' }, 304],
    [{ 'If-None-Match': '*' }, 304],
    [{ 'If-None-Match': '"x"' }, 200],
    [{ 'If-None-Match': 'abc' }, 200],
    [{ 'If-None-Match': '"x"', 'If-Modified-Since': DATE }, 200], // the tag decides
    [{ 'If-Modified-Since': DATE }, 304],
    [{ 'If-Modified-Since': BEFORE }, 200],
    [{ 'If-Modified-Since': 'yesterday' }, 200],
    [{ 'If-Match': '"abc"' }, 200],
    [{ 'If-Match': 'W/"abc"' }, 412],
    [{ 'If-Match': '"x"' }, 412],
    [{ 'If-Match': '*' }, 200],
    [{ 'If-Match': '"x"', 'If-None-Match': '"abc"' }, 412], // in this order
    [{ 'If-Unmodified-Since': DATE }, 200],
    [{ 'If-Unmodified-Since': BEFORE }, 412],
    [{ 'If-None-Match': '"abc"', Range: 'bytes=5000-' }, 304], // before the range is looked at
  ])('%o answers %i', (headers, status) => {
    expect(answer(headers).status).toBe(status);
    expect(answer(headers, 'HEAD').status).toBe(status);
  });
});
