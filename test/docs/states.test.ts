import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { STATES_TABLE } from '../../src/functions/states.ts';

test('docs/states.md has the table of the API', () => {
  expect(readFileSync('docs/states.md', 'utf8')).toContain(STATES_TABLE);
});
