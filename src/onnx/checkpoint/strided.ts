/**
 * Views into a storage: the element at index (i_0, i_1, ...) lies at `offset + sum_k i_k * strides[k]`, counted in
 * elements.
 */
import { BYTES_PER_ELEMENT, type Dtype } from './dtype.ts';

export interface StridedLayout {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** How many elements a view may have beyond its storage's: a stride of 0 lets a few bytes in a file ask for any size. */
const MAX_REPEATED_ELEMENTS = 2 ** 22;

export function elementCount(shape: readonly number[]): number {
  // Sizes from a damaged file may overflow to infinity, and that times zero is not a number.
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** How many elements of the storage lie between the view's first and its last, both included. */
export function spannedElements(layout: StridedLayout): number {
  if (elementCount(layout.shape) === 0) return 0;
  return layout.shape.reduce((span, size, axis) => span + (size - 1) * layout.strides[axis]!, 1);
}

/**
 * @throws {Error} if the view's numbers are no sizes, if it reaches outside a storage of `storageElements`, or if it
 *   is too large to be read
 */
export function checkLayout(layout: StridedLayout, storageElements: number): void {
  const { shape, strides, offset } = layout;
  for (const value of [...shape, ...strides, offset]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Error(
        `shape [${shape}], strides [${strides}], offset ${offset}: expected sizes of 0 or more`,
      );
    }
  }
  if (shape.length !== strides.length) {
    throw new Error(`shape [${shape}] has ${shape.length} axes, strides [${strides}] ${strides.length}`);
  }
  if (elementCount(shape) > Math.max(storageElements, MAX_REPEATED_ELEMENTS)) {
    throw new Error(`shape [${shape}] repeats the ${storageElements} elements of its storage too often`);
  }
  const end = offset + spannedElements(layout);
  if (end > storageElements) {
    throw new Error(`the tensor reaches element ${end} of a storage that has ${storageElements}`);
  }
}

export function isContiguous({ shape, strides }: StridedLayout): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/**
 * Copies a view into row-major order.
 *
 * @param span the bytes of the storage from the view's first element on
 */
export function gather(layout: StridedLayout, span: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { shape, strides, dtype } = layout;
  const count = elementCount(shape);
  const size = BYTES_PER_ELEMENT[dtype];
  const result = new Uint8Array(count * size);
  const index = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < count; target++) {
    for (let byte = 0; byte < size; byte++) result[target * size + byte] = span[source * size + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
