/** What `cairn inspect` finds, as data; text.ts shows it to people. */

export interface FileFacts {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface CheckpointInspection extends FileFacts {
  readonly format: 'PyTorch checkpoint (zip)' | 'PyTorch checkpoint (legacy)' | 'safetensors';
  /** The reference's class, two of them if names and shapes fit both, or what it is if none. */
  readonly kind: string;
  /** Elements of all tensors. */
  readonly parameters: number;
  readonly tensors: number;
  /** Tensors per element type. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** What the names and shapes determine, under the reference's names; absent if it is none of its networks. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What has to be given when it is converted. */
  readonly undetermined?: readonly string[];
  /** Why it is none of the reference's networks. */
  readonly reason?: string;
}

/** An input or output; a dimension that is open has a name. */
export interface End {
  readonly name: string;
  /** Element type, or the kind of value if it is no tensor. */
  readonly type: string;
  /** Absent if the model does not say its rank. */
  readonly shape?: readonly (number | string)[];
}

/** A file that holds constants; size and digest are absent if it can't be read. */
export interface ExternalFile {
  /** Path from the model's folder. */
  readonly file: string;
  readonly bytes?: number;
  readonly sha256?: string;
}

export interface OnnxInspection extends FileFacts {
  readonly format: 'ONNX';
  readonly kind: string;
  /** Name and version of the program that wrote it; empty if it does not say. */
  readonly producer: string;
  /** Version per operator set; `ai.onnx` is the standard one. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Elements of the floating-point constants. */
  readonly parameters: number;
  readonly inputs: readonly End[];
  readonly outputs: readonly End[];
  /** Nodes per operator, most frequent first; Constant nodes are left out. */
  readonly operators: Readonly<Record<string, number>>;
  /** Files that hold constants outside the model. */
  readonly externalData: readonly ExternalFile[];
  /** Why Cairn can't compute with it, if so. */
  readonly unsupported?: string;
}

export type Inspection = CheckpointInspection | OnnxInspection;
