/** The readers of files from strangers, and the files that damage starts from. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { CheckpointError, openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { type Graph, openModel } from '../../../src/onnx/graph/index.ts';
import { inspectOnnx } from '../../../src/onnx/inspect/onnx-model.ts';
import { FIXTURES } from '../fixtures.ts';

export interface Target {
  readonly corpus: readonly Uint8Array[];
  /**
   * Reads everything there is.
   *
   * @returns the message of a proper refusal; undefined if the bytes were accepted
   * @throws whatever is not a proper refusal
   */
  read(bytes: Uint8Array): Promise<string | undefined>;
  close?(): void;
}

export const targetNames = ['zip', 'pickle', 'legacy', 'safetensors', 'onnx', 'inspect'] as const;
export type TargetName = (typeof targetNames)[number];

const OPEN: Readonly<Record<TargetName, () => Target>> = {
  zip: () => checkpointTarget(['tensor_zoo.pt', 'malicious_zip.pt', 'tiny_a.pt']),
  pickle: pickleTarget,
  legacy: () => checkpointTarget(['tensor_zoo_legacy.pt', 'malicious_legacy.pt', 'malicious.pt']),
  safetensors: () => checkpointTarget([], [safetensors()]),
  onnx: () =>
    onnxTarget(async (path) => {
      using model = await openModel(path);
      readConstants(model.graph);
    }),
  inspect: () => onnxTarget(inspectOnnx),
};

export function openTarget(name: TargetName): Target {
  return OPEN[name]();
}

const PICKLE = 'tensor_zoo/data.pkl';

const fixture = (path: string): Uint8Array => readFileSync(`${FIXTURES}/${path}`);

function checkpointTarget(files: readonly string[], made: readonly Uint8Array[] = []): Target {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-fuzz-'));
  const path = join(folder, 'damaged.pt');
  return {
    corpus: [...files.map((file) => fixture(`checkpoints/${file}`)), ...made],
    async read(bytes) {
      writeFileSync(path, bytes);
      return refusal(
        async () => {
          await using checkpoint = await openCheckpoint(path);
          for (const tensor of checkpoint.tensors.values()) {
            tensor.read();
            const source = tensor.source();
            if (source) source.fill(new Uint8Array(source.length));
          }
        },
        (error) => error instanceof CheckpointError && error.message.startsWith(`${path}: `),
      );
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** The description inside a zip, with a checksum that fits the damage: or the checksum would be all that is tested. */
function pickleTarget(): Target {
  const { [PICKLE]: pickle, ...records } = unzipSync(fixture('checkpoints/tensor_zoo.pt'));
  if (pickle === undefined) throw new Error(`tensor_zoo.pt has no ${PICKLE}`);
  const { read, close } = checkpointTarget([]);
  return {
    corpus: [pickle],
    read: (bytes) => read(zipSync({ ...records, [PICKLE]: bytes }, { level: 0 })),
    ...(close && { close }),
  };
}

/** Two tensors and a note about them. */
function safetensors(): Uint8Array {
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    weight: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
    bias: { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
  });
  const length = new Uint8Array(BigUint64Array.of(BigInt(header.length)).buffer);
  return Buffer.concat([length, Buffer.from(header), new Uint8Array(32).fill(7)]);
}

function onnxTarget(read: (path: string) => Promise<unknown>): Target {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-fuzz-'));
  const path = join(folder, 'damaged.onnx');
  return {
    corpus: ['gap_relu6', 'time_cnn'].map((name) => fixture(`classifiers/${name}.onnx`)),
    async read(bytes) {
      writeFileSync(path, bytes);
      return refusal(
        async () => void (await read(path)),
        // A TypeError, or what else JavaScript throws by itself, is a mistake of ours and says nothing to a reader.
        (error) => error.constructor === Error,
      );
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

function readConstants({ initializers }: Graph): void {
  for (const constant of initializers.values()) constant.bytes();
}

const LONGEST_MESSAGE = 4000;

async function refusal(
  action: () => Promise<void>,
  isProper: (error: Error) => boolean,
): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !isProper(error)) throw error;
    if (error.message.includes('\n') || error.message.length > LONGEST_MESSAGE) {
      throw new Error(
        `a refusal that is not one readable line: ${JSON.stringify(error.message.slice(0, 300))}`,
      );
    }
    if (/cannot read propert|is not a function|is not iterable|Invalid (array|typed)/i.test(error.message)) {
      throw new Error(`a refusal that passes on a mistake of ours: ${error.message}`, { cause: error });
    }
    return error.message;
  }
}
