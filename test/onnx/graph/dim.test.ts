import { describe, expect, it } from 'vitest';
import { divideDims, multiplyDims } from '../../../src/onnx/graph/dim.ts';

describe('dimension arithmetic', () => {
  it('has one spelling for each product', () => {
    expect(multiplyDims(['N', 2, 'H', 3])).toBe('6*H*N');
    expect(multiplyDims(['6*H', 'N'])).toBe('6*H*N');
    expect(multiplyDims([2, 3])).toBe(6);
    expect(multiplyDims([])).toBe(1);
    expect(multiplyDims(['N', 0])).toBe(0);
  });

  it('divides back', () => {
    expect(divideDims('6*H*N', '2*N')).toBe('3*H');
    expect(divideDims('N', 'N')).toBe(1);
    expect(divideDims('N*N', 'N')).toBe('N');
  });

  it('does not pretend that a division comes out even', () => {
    expect(divideDims('3*N', 2)).toBeUndefined();
    expect(divideDims(4, 'N')).toBeUndefined();
    expect(divideDims(4, 0)).toBeUndefined();
  });
});
