import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../src/models/manifest.ts';

const manifest = JSON.parse(
  readFileSync(new URL('../../models/mnist-32/model.json', import.meta.url), 'utf8'),
);
const problemOf = (json: unknown) => {
  try {
    parseManifest(json, 'there/model.json');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a model.json that is not valid', () => {
  it.each([
    [
      { ...manifest, manifest_version: 2 },
      'manifest_version: this version of Cairn reads manifest_version 1',
    ],
    [{ ...manifest, image: { ...manifest.image, height: 0 } }, 'image.height: '],
    [{ ...manifest, classes: ['cat', ''] }, 'classes.1: '],
    [
      { ...manifest, graphs: { diffusion: { ...manifest.graphs.diffusion, sha256: 'abc' } } },
      'graphs.diffusion.sha256: expected 64 hexadecimal digits',
    ],
    [{ ...manifest, colour: 'red' }, 'colour'],
    ['text', '(top level): '],
  ])('is refused with the field (%#)', (json, problem) => {
    expect(problemOf(json)).toContain('there/model.json is not a valid model.json: ');
    expect(problemOf(json)).toContain(problem);
  });

  it('is refused with every field that is wrong, in one line', () => {
    const message = problemOf({ ...manifest, id: 'Über', name: '' });
    expect(message).toMatch(/^[^\n]* id: [^\n;]*; name: [^\n]*$/);
  });
});
