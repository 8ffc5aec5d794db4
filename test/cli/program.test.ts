import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';

let out: string;
let err: string;
beforeEach(() => {
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
});
afterEach(() => vi.restoreAllMocks());

describe('--help', () => {
  test('shows every flag of the demo and ends with 0', async () => {
    expect(await run(['demo', '--help'])).toBe(0);
    for (const flag of ['class', 'scale', 'steps', 'sampler', 'seed', 'count', 'out', 'model', 'help']) {
      expect(out).toContain(`--${flag}`);
    }
  });

  test('lists the commands', async () => {
    expect(await run(['--help'])).toBe(0);
    for (const name of ['demo', 'start', 'convert', 'gradient', 'serve', 'verify'])
      expect(out).toMatch(`  ${name} `);
  });
});

describe('a wrong flag or value is one line on stderr and exit code 2', () => {
  test.each([
    [['demo', '--colour', 'red'], "cairn: unknown option '--colour'"],
    [['demo', '--steps'], "cairn: option '--steps <steps>' argument missing"],
    [
      ['demo', '--seed', '1.5'],
      "cairn: option '--seed <number>' argument '1.5' is invalid. Expected a whole number, 0 or more.",
    ],
    [
      ['demo', '--scale', 'high'],
      "cairn: option '--scale <number>' argument 'high' is invalid. Expected a number, 0 or more.",
    ],
    [
      ['demo', '--count', '0'],
      "cairn: option '--count <images>' argument '0' is invalid. Expected a whole number, 1 or more.",
    ],
    [
      ['demo', '--class', '3,,4'],
      "cairn: option '--class <list>' argument '3,,4' is invalid. Expected a class or several with commas between: 3 or 3,1,4.",
    ],
    [
      ['demo', '--sampler', 'euler'],
      "cairn: option '--sampler <name>' argument 'euler' is invalid. Allowed choices are ddpm, ddim.",
    ],
    [['demo', 'now'], "cairn: too many arguments for 'demo'. Expected 0 arguments but got 1: now."],
    [
      ['start', '--port', '70000'],
      "cairn: option '--port <port>' argument '70000' is invalid. Expected a whole number, from 0 to 65535.",
    ],
    [['convert', 'mnist-32'], "cairn: required option '--diffusion <file>' not specified"],
    [['serve'], "cairn: missing required argument 'models'"],
    [['paint'], "cairn: unknown command 'paint'"],
  ])('%j', async (args, message) => {
    expect(await run(args)).toBe(2);
    expect(err).toBe(`${message}\n`);
    expect(out).toBe('');
  });

  test('a folder that can not be made', async () => {
    expect(await run(['demo', '--out', 'package.json/pictures'])).toBe(2);
    expect(err).toMatch(/^cairn: --out: can't write to package.json\/pictures: .*\n$/);
  });
});

describe('a command that fails says why in one line and ends with 1', () => {
  test.each([
    [
      ['convert', 'no-such-recipe', '--diffusion', 'x.pt'],
      /^cairn: no recipe is called no-such-recipe .*\n$/,
    ],
    [['serve', 'src/core', '--port', '0'], /^cairn: no model to serve in src\/core.*\n$/],
    [['verify', 'no/such/folder'], /^cairn: can't read the directory no\/such\/folder.*\n$/],
  ])('%j', async (args, message) => {
    expect(await run(args)).toBe(1);
    expect(err).toMatch(message);
  });
});
