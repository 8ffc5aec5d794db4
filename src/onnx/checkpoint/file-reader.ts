/** A checkpoint's file for the zip library. */
import { Reader } from '@zip.js/zip.js';
import { readAt } from '../read-at.ts';

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
/** In the end record: both counts of entries, the directory's size, and where it starts. */
const COUNTS_AND_PLACE = [8, 20] as const;

/**
 * PyTorch writes the records of zip64 into every file. The library looks at them only if the end record sends it
 * there, and else takes them for a part of the directory, in whose place it then looks 76 bytes too far on: a file
 * whose first entry there has 76 bytes (`<21 characters>/data.pkl`) is misread. So the end record sends it there.
 */
export class FileReader extends Reader<number> {
  readonly #file: number;
  /** Where the end record is, if there are records of zip64 before it. */
  readonly #end: number | undefined;

  constructor(file: number, size: number) {
    super(file);
    this.#file = file;
    this.size = size;
    this.#end = hasZip64(file, size) ? size - END_BYTES : undefined;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = readAt(this.#file, offset, Math.max(0, Math.min(length, this.size - offset)));
    if (this.#end !== undefined) {
      const [from, to] = COUNTS_AND_PLACE.map((place) => Math.max(0, this.#end! + place - offset));
      bytes.fill(0xff, from, to);
    }
    return bytes;
  }
}

/** A zip file with a comment is not PyTorch's. */
function hasZip64(file: number, size: number): boolean {
  if (size < LOCATOR_BYTES + END_BYTES) return false;
  const { buffer } = readAt(file, size - END_BYTES - LOCATOR_BYTES, LOCATOR_BYTES + END_BYTES);
  const view = new DataView(buffer);
  return (
    view.getUint32(0, true) === LOCATOR_SIGNATURE && view.getUint32(LOCATOR_BYTES, true) === END_SIGNATURE
  );
}
