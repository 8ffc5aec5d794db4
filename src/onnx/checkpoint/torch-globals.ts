/**
 * The allow-list of the unpickler: what PyTorch writes into a state dict's pickle, and what it stands for.
 * Nothing is looked up by name outside these tables.
 */
import { BYTES_PER_ELEMENT, type Dtype } from './dtype.ts';
import { PickleCallable } from './pickle-machine.ts';

/** A storage class, e.g. `torch.FloatStorage`, or a type itself, e.g. `torch.uint16`: the type of the elements. */
export class StorageType {
  readonly dtype: Dtype;

  constructor(dtype: Dtype) {
    this.dtype = dtype;
  }
}

/** The elements that one or more tensors look into. */
export class Storage {
  /** The name of its record in the file. */
  readonly key: string;
  readonly dtype: Dtype;
  /** How many elements. */
  readonly length: number;
  /** For a storage of the legacy layout that is a window of another one: where it starts, in elements. */
  readonly windowOffset: number;

  constructor(key: string, dtype: Dtype, length: number, windowOffset = 0) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
    this.windowOffset = windowOffset;
  }
}

/** A tensor as the pickle describes it; its elements are elsewhere in the file. */
export class TensorReference {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const STORAGE_TYPES: Readonly<Record<string, Dtype>> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};

/** Types without a storage class: their storages are bytes, and the tensor says what they are. */
const TYPES_OF_BYTES: readonly Dtype[] = ['uint16', 'uint32', 'uint64'];

/** PyTorch's own limit. */
export const MAX_AXES = 64;

const GLOBALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['collections.OrderedDict', new PickleCallable('collections.OrderedDict', orderedDict)],
  ['torch._utils._rebuild_tensor_v2', new PickleCallable('torch._utils._rebuild_tensor_v2', rebuildTensor)],
  [
    'torch._utils._rebuild_tensor_v3',
    new PickleCallable('torch._utils._rebuild_tensor_v3', rebuildTensorOfBytes),
  ],
  ['torch._utils._rebuild_tensor', new PickleCallable('torch._utils._rebuild_tensor', rebuildTensor)],
  [
    'torch._utils._rebuild_parameter',
    new PickleCallable('torch._utils._rebuild_parameter', rebuildParameter),
  ],
  ['torch.Size', new PickleCallable('torch.Size', (args) => args[0])],
  ['torch.storage.UntypedStorage', new StorageType('uint8')],
  ...TYPES_OF_BYTES.map((dtype) => [`torch.${dtype}`, new StorageType(dtype)] as const),
  ...Object.entries(STORAGE_TYPES).map(([name, dtype]) => [`torch.${name}`, new StorageType(dtype)] as const),
]);

/** @throws {Error} naming the global, if it is not one that a state dict needs */
export function resolveTorchGlobal(module: string, name: string): unknown {
  const qualified = `${module}.${name}`;
  const value = GLOBALS.get(qualified);
  if (value === undefined) {
    throw new Error(
      `refused: the file asks for the Python global ${qualified}, which no state dict of tensors needs ` +
        '(nothing was run)',
    );
  }
  return value;
}

/** Persistent ids of both layouts: ('storage', type, key, location, length[, window of the legacy layout]). */
export function resolveStorage(id: unknown): Storage {
  if (!Array.isArray(id) || id[0] !== 'storage') throw new Error('a persistent id that is not a storage');
  const [, type, key, , length, window] = id as readonly unknown[];
  if (!(type instanceof StorageType)) throw new Error('a storage without a storage type');
  if (typeof key !== 'string') throw new Error('a storage whose key is not text');
  if (!isSize(length)) throw new Error(`storage ${key} has no length`);
  if (window === null || window === undefined) return new Storage(key, type.dtype, length);
  const [, offset, windowLength] = Array.isArray(window) ? (window as unknown[]) : [];
  if (!isSize(offset) || !isSize(windowLength) || offset + windowLength > length) {
    throw new Error(`storage ${key} has a window outside itself`);
  }
  return new Storage(key, type.dtype, windowLength, offset);
}

function orderedDict(args: readonly unknown[]): Map<unknown, unknown> {
  const pairs = args[0] ?? [];
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    throw new Error('collections.OrderedDict of something other than pairs');
  }
  return new Map(pairs as [unknown, unknown][]);
}

/** (storage, offset, shape, strides, requires_grad, hooks, marks) */
function rebuildTensor(args: readonly unknown[]): TensorReference {
  const [storage, offset, shape, strides, , , marks] = args;
  if (marks instanceof Map && (marks.get('neg') === true || marks.get('conj') === true)) {
    throw new Error(
      'a tensor marked as negated or conjugated, whose storage has other values: save a clone of it',
    );
  }
  if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw new Error('a tensor without storage, offset, shape and strides');
  }
  return new TensorReference(storage, offset, shape, strides);
}

/** (storage of bytes, offset, shape, strides, requires_grad, hooks, type, marks) */
function rebuildTensorOfBytes(args: readonly unknown[]): TensorReference {
  const [type] = args.slice(6);
  const { storage, offset, shape, strides } = rebuildTensor(args.toSpliced(6, 1));
  if (!(type instanceof StorageType)) throw new Error('a tensor whose type is no type');
  const size = BYTES_PER_ELEMENT[type.dtype];
  if (storage.dtype !== 'uint8' || storage.windowOffset !== 0) {
    throw new Error(`a tensor of ${type.dtype} in a storage that is not of bytes`);
  }
  const typed = new Storage(storage.key, type.dtype, Math.floor(storage.length / size));
  return new TensorReference(typed, offset, shape, strides);
}

/** (tensor, requires_grad, hooks). */
function rebuildParameter(args: readonly unknown[]): TensorReference {
  if (!(args[0] instanceof TensorReference)) throw new Error('a parameter that is not a tensor');
  return args[0];
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_AXES && value.every(isSize);
}
