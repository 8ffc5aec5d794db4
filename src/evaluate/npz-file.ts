/** An .npz file of any size: its arrays are read when asked for, large ones row by row. */
import { type FileHandle, open } from 'node:fs/promises';
import { type FileEntry, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { FileReader } from '../onnx/checkpoint/file-reader.ts';
import { type NpyArray, type NpyHeader, parseNpy, parseNpyHeader } from '../verify/npy.ts';

export class NpzFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, FileEntry>;

  private constructor(handle: FileHandle, path: string, entries: ReadonlyMap<string, FileEntry>) {
    this.#handle = handle;
    this.#path = path;
    this.#entries = entries;
  }

  /** @throws {Error} if the file can't be read or is no zip */
  static async open(path: string): Promise<NpzFile> {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      const zip = new ZipReader(new FileReader(handle.fd, size), { useWebWorkers: false });
      const entries = (await zip.getEntries()).flatMap((entry) =>
        entry.directory ? [] : [[entry.filename.replace(/\.npy$/, ''), entry] as const],
      );
      return new NpzFile(handle, path, new Map(entries));
    } catch (error) {
      await handle.close();
      throw new Error(`${path} is not an .npz file: ${(error as Error).message}`, { cause: error });
    }
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** A whole array. @throws {Error} if there is none of this name, or it can't be read */
  async array(name: string): Promise<NpyArray> {
    const bytes = await this.#entry(name).getData!(new Uint8ArrayWriter(), { useWebWorkers: false });
    return this.#explained(name, () => parseNpy(bytes));
  }

  /** Type and shape of an array, without its elements. */
  async header(name: string): Promise<NpyHeader> {
    const { header, source } = await this.#open(name);
    await source.cancel();
    return header;
  }

  /**
   * A large array in pieces along its first axis.
   *
   * @returns its header, and the elements of up to `rows` rows at a time
   */
  async rows(
    name: string,
    rows: number,
  ): Promise<{ header: NpyHeader; pieces: AsyncGenerator<NpyArray['data']> }> {
    const { header, source } = await this.#open(name);
    return { header, pieces: piecesOf(source, header, rows, `${this.#path}, array "${name}"`) };
  }

  async #open(name: string): Promise<{ header: NpyHeader; source: Buffered }> {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const written = this.#entry(name).getData!(writable, { useWebWorkers: false });
    written.catch(() => {}); // the reader below meets the same error
    const source = new Buffered(readable);
    await source.fill(12);
    await source.fill(headerEnd(source.peek()));
    const header = this.#explained(name, () => parseNpyHeader(source.peek()));
    source.take(header.dataStart);
    return { header, source };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #entry(name: string): FileEntry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new Error(`${this.#path} has no array "${name}"; it has ${this.names.join(', ') || 'none'}`);
  }

  #explained<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw new Error(`${this.#path}, array "${name}": ${(error as Error).message}`, { cause: error });
    }
  }
}

async function* piecesOf(
  source: Buffered,
  { shape, bytesPerElement, view }: NpyHeader,
  rows: number,
  what: string,
): AsyncGenerator<NpyArray['data']> {
  const [count = 0, ...rest] = shape;
  const rowBytes = rest.reduce((product, size) => product * size, bytesPerElement);
  for (let done = 0; done < count; done += rows) {
    const bytes = Math.min(rows, count - done) * rowBytes;
    await source.fill(bytes);
    const piece = source.take(bytes);
    if (piece.byteLength < bytes) throw new Error(`${what} is cut short`);
    yield view(piece.buffer);
  }
}

/** Length of an .npy file's header, as its first 12 bytes say it. */
function headerEnd(bytes: Uint8Array): number {
  if (bytes.length < 12) return 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes[6]! >= 2 ? 12 + view.getUint32(8, true) : 10 + view.getUint16(8, true);
}

/** A stream read by counts of bytes. */
class Buffered {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Reads on until there are this many bytes, or no more. */
  async fill(bytes: number): Promise<void> {
    while (this.#length < bytes) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      this.#chunks.push(value);
      this.#length += value.length;
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  /** All that has been read and not taken. */
  peek(): Uint8Array {
    const all = this.#joined(this.#length);
    this.#chunks = [all];
    return all;
  }

  /** The next bytes, fewer if there are no more. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const all = this.#joined(this.#length);
    const taken = all.slice(0, bytes);
    this.#chunks = [all.subarray(taken.length)];
    this.#length -= taken.length;
    return taken;
  }

  #joined(length: number): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
