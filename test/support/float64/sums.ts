/** Reductions, matrix products, and normalisation by statistics. */
import {
  type Array64,
  broadcastDims,
  broadcastTo,
  countFromFront,
  generate,
  indicesOf,
  offsetOf,
  sizeOf,
  stridesOf,
  zeros,
} from './array64.ts';
import type { Node64, Operator64 } from './node64.ts';

function reduce(node: Node64, mean: boolean): Array64 {
  const { dims, data } = node.x();
  const given = node.inputOrAttribute(1, 'axes');
  if (given === undefined && node.number('noop_with_empty_axes', 0) === 1) return node.x();
  const axes = given?.map((axis) => countFromFront(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const kept = dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const sums = zeros(kept);
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  let at = 0;
  for (const index of indicesOf(dims)) sums.data[offsetOf(strides, index)]! += data[at++]!;
  if (mean) for (let i = 0; i < sums.data.length; i++) sums.data[i]! /= data.length / sums.data.length;
  const left = node.number('keepdims', 1) === 1 ? kept : dims.filter((_, axis) => !axes.includes(axis));
  return { dims: left, data: sums.data };
}

function matMul(node: Node64): Array64 {
  const [a, b] = [node.x(0), node.x(1)];
  const rows = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
  const columns = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
  const [m, k, n] = [rows.at(-2)!, rows.at(-1)!, columns.at(-1)!];
  const batch = broadcastDims([rows.slice(0, -2), columns.slice(0, -2)]);
  const left = broadcastTo({ dims: rows, data: a.data }, [...batch, m, k]).data;
  const right = broadcastTo({ dims: columns, data: b.data }, [...batch, k, n]).data;
  const product = zeros([...batch, m, n]);
  for (let matrix = 0; matrix < sizeOf(batch); matrix++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += left[(matrix * m + i) * k + l]! * right[(matrix * k + l) * n + j]!;
        product.data[(matrix * m + i) * n + j] = sum;
      }
    }
  }
  const outer = [...(a.dims.length === 1 ? [] : [m]), ...(b.dims.length === 1 ? [] : [n])];
  return { dims: [...batch, ...outer], data: product.data };
}

interface Standardized {
  readonly normal: Array64;
  /** Of each run. */
  readonly means: readonly number[];
  readonly inverseDeviations: readonly number[];
}

/** Runs of `length` elements in a row, each with mean 0 and variance 1. */
function standardize(node: Node64, length: number): Standardized {
  const { dims, data } = node.x();
  const epsilon = node.number('epsilon', 1e-5);
  const normal = zeros(dims);
  const [means, inverseDeviations]: [number[], number[]] = [[], []];
  for (let start = 0; start < data.length; start += length) {
    const run = data.subarray(start, start + length);
    const mean = run.reduce((sum, value) => sum + value, 0) / length;
    const variance = run.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    normal.data.set(
      run.map((value) => (value - mean) * inverse),
      start,
    );
    means.push(mean);
    inverseDeviations.push(inverse);
  }
  return { normal, means, inverseDeviations };
}

/** Scale and shift of each channel, given for channels or for groups of them. */
function perChannel(node: Node64, normal: Array64): Array64 {
  const [scale, shift] = [node.x(1).data, node.x(2).data];
  const [, channels, ...spatial] = normal.dims as [number, number, ...number[]];
  const data = normal.data.map((value, at) => {
    const channel = Math.floor(at / sizeOf(spatial)) % channels;
    const row = Math.floor(channel / (channels / scale.length));
    return value * scale[row]! + shift[row]!;
  });
  return { dims: normal.dims, data };
}

function layerNormalization(node: Node64): Array64[] {
  const { dims } = node.x();
  const axis = node.axis('axis', -1);
  const { normal, means, inverseDeviations } = standardize(node, sizeOf(dims.slice(axis)));
  const scale = broadcastTo(node.x(1), dims).data;
  const shift = node.inputs[2] && broadcastTo(node.inputs[2], dims).data;
  const y = normal.data.map((value, at) => value * scale[at]! + (shift?.[at] ?? 0));
  const outer = dims.map((size, at) => (at < axis ? size : 1));
  const statistic = (values: readonly number[]) => ({ dims: outer, data: Float64Array.from(values) });
  return [{ dims, data: y }, statistic(means), statistic(inverseDeviations)];
}

/** Divides by a power of the squares of neighbouring channels. */
function localResponse(node: Node64): Array64 {
  const { dims, data } = node.x();
  const size = node.number('size', 1);
  const [alpha, beta, bias] = [node.number('alpha', 1e-4), node.number('beta', 0.75), node.number('bias', 1)];
  const strides = stridesOf(dims);
  let at = 0;
  return generate(dims, (index) => {
    let squares = 0;
    const channel = index[1]!;
    const first = Math.max(0, channel - Math.floor((size - 1) / 2));
    const last = Math.min(dims[1]! - 1, channel + Math.ceil((size - 1) / 2));
    for (let c = first; c <= last; c++) squares += data[offsetOf(strides, index.with(1, c))]! ** 2;
    return data[at++]! / (bias + (alpha / size) * squares) ** beta;
  });
}

function softmax(node: Node64): Array64 {
  const { dims, data } = node.x();
  const axis = node.axis('axis', -1);
  const [length, stride] = [dims[axis]!, stridesOf(dims)[axis]!];
  const result = zeros(dims);
  for (let at = 0; at < data.length; at++) {
    const first = at - (Math.floor(at / stride) % length) * stride;
    const line = Array.from({ length }, (_, i) => data[first + i * stride]!);
    const largest = Math.max(...line);
    const total = line.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    result.data[at] = Math.exp(data[at]! - largest) / total;
  }
  return result;
}

export const sums: Readonly<Record<string, Operator64>> = {
  ReduceSum: (node) => reduce(node, false),
  ReduceMean: (node) => reduce(node, true),
  MatMul: matMul,
  Softmax: softmax,
  InstanceNormalization: (node) => perChannel(node, standardize(node, sizeOf(node.x().dims.slice(2))).normal),
  GroupNormalization: (node) => {
    const length = sizeOf(node.x().dims.slice(1)) / node.number('num_groups', 1);
    return perChannel(node, standardize(node, length).normal);
  },
  LayerNormalization: layerNormalization,
  LRN: localResponse,
};
