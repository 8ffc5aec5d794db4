import { expect, test } from 'vitest';
import { markdownTable, terminalTable } from '../../src/bench/table.ts';

test('a terminal table pads every column to its widest cell and leaves no blanks at line ends', () => {
  const text = terminalTable(
    ['name', 'ms'],
    [
      ['a long name', '1'],
      ['b', ''],
    ],
  );
  expect(text.split('\n')).toEqual(['name         ms', '-----------  --', 'a long name  1', 'b']);
});

test('a Markdown table survives a bar in a cell', () => {
  const text = markdownTable(['name', 'ms'], [['a|b', '1']]);
  expect(text.split('\n')).toEqual(['| name | ms |', '| --- | --- |', '| a\\|b | 1 |']);
});
