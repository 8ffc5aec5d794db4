import { describe, expect, test } from 'vitest';
import { imageName } from '../../../src/cli/demo/write-images.ts';

const image = { index: 7, class: 2, class_name: 'two', seed: 27, url: null };

describe('imageName', () => {
  test('names index and class, and sorts in order', () => {
    expect(imageName(image, 10)).toBe('image-7-class-two.png');
    expect(imageName(image, 30)).toBe('image-07-class-two.png');
  });

  test('keeps what is no file name out of it', () => {
    expect(imageName({ ...image, class_name: '../tench, Tinca tinca' }, 8)).toBe(
      'image-7-class--tench-Tinca-tinca.png',
    );
  });

  test('an image of no class has none in its name', () => {
    expect(imageName({ ...image, class: null, class_name: null }, 8)).toBe('image-7.png');
  });
});
