import { Counter, Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { parseExposition } from '../../../src/cli/top/exposition.ts';

test('reads back what prom-client writes, labels with quotes, backslashes and line ends too', async () => {
  const registry = new Registry();
  const registers = [registry];
  const counter = new Counter({
    name: 'c_total',
    help: 'Help with {a="b"} 3',
    labelNames: ['a', 'b'],
    registers,
  });
  const odd = 'x"y\\z\nnew, {line}="1"';
  counter.inc({ a: odd, b: '' }, 2.5);
  new Gauge({ name: 'g', help: 'g', registers }).set(Number.POSITIVE_INFINITY);
  expect(parseExposition(await registry.metrics())).toEqual([
    { name: 'c_total', labels: { a: odd, b: '' }, value: 2.5 },
    { name: 'g', labels: {}, value: Number.POSITIVE_INFINITY },
  ]);
});

test('takes exponents, NaN, timestamps and empty lines', () => {
  const text = '\n# TYPE a gauge\na 1.5e-7 1700000000000\nb{} NaN\nc{x="1",} -Inf\n';
  expect(parseExposition(text).map(({ value }) => value)).toEqual([
    1.5e-7,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  ]);
});

test.each(['<!doctype html>', 'a{b=1} 2', 'a{b="c} 2', 'a'])('%s is refused', (line) => {
  expect(() => parseExposition(line)).toThrow(/not Prometheus' text format/);
});
