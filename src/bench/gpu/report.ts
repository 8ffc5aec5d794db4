/** docs/gpu-benchmarks.md. */
import { figure } from '../format.ts';
import type { Machine } from '../machine.ts';
import { summarize } from '../statistics.ts';
import { markdownTable } from '../table.ts';
import type { GpuReport, Point, Result } from './results.ts';

export function markdownReport(report: GpuReport, machine: Machine): string {
  const { cards, torch, results, truth, agreements } = report;
  const sizes = [...new Set(results.map(({ size }) => size))];
  const gpu = cards.length > 0 ? cards.join(', ') : 'none: this is a rehearsal on the processor';
  return [
    '# GPU benchmarks',
    'Written by `npm run bench:gpu` ([docs/gpu.md](gpu.md)). One guided step, U-Net and classifier gradient, as the Worker sees it: HTTP, binary tensors and all. Random weights. Cells are the median step in milliseconds and the images a second that it makes. The baseline is eager PyTorch with cuDNN autotuning, in its own process, without a server.',
    `GPU: ${gpu}. ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB. ${torch ?? 'No PyTorch found'}. ${versions(machine)}.`,
    ...sizes.map((size) =>
      sizeTable(
        size,
        results.filter((result) => result.size === size),
      ),
    ),
    ...(agreements.length === 0 ? [] : [agreementTable(truth, agreements)]),
    '',
  ].join('\n\n');
}

function versions({ versions: all }: Machine): string {
  return `Node ${all.node}, onnxruntime-node ${all['onnxruntime-node']}`;
}

function sizeTable(size: string, results: readonly Result[]): string {
  const batches = [...new Set(results.flatMap(({ points }) => points.map(({ batch }) => batch)))].sort(
    (a, b) => a - b,
  );
  const headings = ['batch', ...results.map(({ engine, dtype }) => `${engine} ${dtype}`)];
  const rows = batches.map((batch) => [
    String(batch),
    ...results.map(({ points }) => cell(points.find((point) => point.batch === batch))),
  ]);
  const failures = results.flatMap(({ engine, dtype, error }) =>
    error === undefined ? [] : [`- ${engine} ${dtype}: ${error}`],
  );
  const title = size === 'toy' ? '## Toy, 16x16' : `## ${size}x${size} (imagenet-${size})`;
  const parts = batches.length === 0 ? [title] : [title, markdownTable(headings, rows)];
  return [...parts, ...(failures.length === 0 ? [] : [failures.join('\n')])].join('\n\n');
}

function cell(point: Point | undefined): string {
  if (point === undefined) return '';
  const { median } = summarize(point.times);
  return `${figure(median)} ms, ${figure((1000 * point.batch) / median)}/s`;
}

function agreementTable(truth: GpuReport['truth'], agreements: GpuReport['agreements']): string {
  const rows = agreements.map(({ engine, dtype, error }) => [engine, dtype, error.toExponential(1)]);
  return [
    '## Same answers',
    `Largest difference from ${truth === 'cpu' ? 'onnxruntime' : 'PyTorch'} in float32 on the processor, over the largest value: the toy, the same weights, U-Net and gradient.`,
    markdownTable(['engine', 'dtype', 'error'], rows),
  ].join('\n\n');
}
