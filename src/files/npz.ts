/**
 * Images as `np.savez(path, images, labels)` writes them, byte for byte: that is how the reference's sampling scripts
 * hand them to its evaluator. A zip of stored .npy members whose sizes and CRCs are known before the first byte is sent.
 */
import { combineCrc32, crc32 } from './crc32.ts';
import { bytesOf, npyHeader } from './npy.ts';
import { concat, type Segment, segmentOf } from './segments.ts';

export interface ImageArray {
  /** Of one image, bytes interleaved: the array is [N, H, W, C]. */
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** N. */
  readonly count: number;
  /** Of one image or several each, in order, with the CRC-32 of its bytes: together count * height * width * channels. */
  readonly pieces: readonly (Segment & { readonly crc32: number })[];
}

/**
 * @param labels one for each image, or null if the images have no class: then there is no `arr_1`
 * @param indices of each image in a larger whole; null if these are all
 */
export function npzSegments(
  array: ImageArray,
  labels: readonly number[] | null,
  indices: readonly number[] | null = null,
): Segment[] {
  const { height, width, channels, count, pieces } = array;
  const header = npyHeader('|u1', [count, height, width, channels]);
  const members: Member[] = [
    {
      name: 'arr_0.npy',
      size: pieces.reduce((sum, piece) => sum + piece.size, header.length),
      crc32: pieces.reduce((crc, piece) => combineCrc32(crc, piece.crc32, piece.size), crc32(header)),
      content: [segmentOf(header), ...pieces],
    },
  ];
  if (labels !== null) members.push(integers('arr_1.npy', labels));
  if (indices !== null) members.push(integers('indices.npy', indices));
  return storedZip(members);
}

function integers(name: string, values: readonly number[]): Member {
  const bytes = bytesOf(BigInt64Array.from(values, BigInt));
  const content = concat([npyHeader('<i8', [values.length]), bytes]);
  return { name, size: content.length, crc32: crc32(content), content: [segmentOf(content)] };
}

interface Member {
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
  readonly content: readonly Segment[];
}

/** What Python's zipfile says of a member that was opened with `force_zip64`, as NumPy does. */
const VERSION = 45;
const CREATED_ON_UNIX = 3 << 8;
const DOS_DATE_1980 = 0x21;
const OWNER_READ_WRITE = 0o600 << 16;
const IN_ZIP64_FIELD = 0xffffffff;

/** From here on Python's zipfile moves a size or an offset into a ZIP64 field. */
const ZIP64_LIMIT = 2 ** 31 - 1;

function storedZip(members: readonly Member[]): Segment[] {
  const segments: Segment[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const member of members) {
    const header = localHeader(member);
    directory.push(directoryEntry(member, offset));
    segments.push(segmentOf(header), ...member.content);
    offset += header.length + member.size;
  }
  const entries = concat(directory);
  segments.push(segmentOf(entries, ...directoryEnd(members.length, entries.length, offset)));
  return segments;
}

/** APPNOTE.TXT 4.3.7, the sizes in a ZIP64 extra field (4.5.3). */
function localHeader({ name, size, crc32: crc }: Member): Uint8Array {
  const extra = new DataView(new ArrayBuffer(20));
  extra.setUint16(0, 1, true);
  extra.setUint16(2, 16, true);
  extra.setBigUint64(4, BigInt(size), true);
  extra.setBigUint64(12, BigInt(size), true);
  const fixed = new DataView(new ArrayBuffer(30));
  fixed.setUint32(0, 0x04034b50, true);
  fixed.setUint16(4, VERSION, true);
  fixed.setUint16(12, DOS_DATE_1980, true);
  fixed.setUint32(14, crc, true);
  fixed.setUint32(18, IN_ZIP64_FIELD, true);
  fixed.setUint32(22, IN_ZIP64_FIELD, true);
  fixed.setUint16(26, name.length, true);
  fixed.setUint16(28, extra.byteLength, true);
  return concat([new Uint8Array(fixed.buffer), new TextEncoder().encode(name), new Uint8Array(extra.buffer)]);
}

/** APPNOTE.TXT 4.3.12, what is too large for it in a ZIP64 extra field. */
function directoryEntry({ name, size, crc32: crc }: Member, offset: number): Uint8Array {
  const large = size > ZIP64_LIMIT ? [size, size] : [];
  const far = offset > ZIP64_LIMIT ? [offset] : [];
  const extra = zip64Extra([...large, ...far]);
  const fixed = new DataView(new ArrayBuffer(46));
  fixed.setUint32(0, 0x02014b50, true);
  fixed.setUint16(4, CREATED_ON_UNIX | VERSION, true);
  fixed.setUint16(6, VERSION, true);
  fixed.setUint16(14, DOS_DATE_1980, true);
  fixed.setUint32(16, crc, true);
  fixed.setUint32(20, large.length > 0 ? IN_ZIP64_FIELD : size, true);
  fixed.setUint32(24, large.length > 0 ? IN_ZIP64_FIELD : size, true);
  fixed.setUint16(28, name.length, true);
  fixed.setUint16(30, extra.length, true);
  fixed.setUint32(38, OWNER_READ_WRITE, true);
  fixed.setUint32(42, far.length > 0 ? IN_ZIP64_FIELD : offset, true);
  return concat([new Uint8Array(fixed.buffer), new TextEncoder().encode(name), extra]);
}

function zip64Extra(values: readonly number[]): Uint8Array {
  if (values.length === 0) return new Uint8Array();
  const extra = new DataView(new ArrayBuffer(4 + 8 * values.length));
  extra.setUint16(0, 1, true);
  extra.setUint16(2, 8 * values.length, true);
  for (const [i, value] of values.entries()) extra.setBigUint64(4 + 8 * i, BigInt(value), true);
  return new Uint8Array(extra.buffer);
}

/** APPNOTE.TXT 4.3.16, after the ZIP64 record (4.3.14) and its locator (4.3.15) if the directory lies far in. */
function directoryEnd(count: number, size: number, offset: number): Uint8Array[] {
  const far = offset > ZIP64_LIMIT;
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(12, size, true);
  end.setUint32(16, far ? IN_ZIP64_FIELD : offset, true);
  const ends = [new Uint8Array(end.buffer)];
  return far ? [zip64End(count, size, offset), ...ends] : ends;
}

function zip64End(count: number, size: number, offset: number): Uint8Array {
  const record = new DataView(new ArrayBuffer(56 + 20));
  record.setUint32(0, 0x06064b50, true);
  record.setBigUint64(4, 44n, true);
  record.setUint16(12, VERSION, true);
  record.setUint16(14, VERSION, true);
  record.setBigUint64(24, BigInt(count), true);
  record.setBigUint64(32, BigInt(count), true);
  record.setBigUint64(40, BigInt(size), true);
  record.setBigUint64(48, BigInt(offset), true);
  record.setUint32(56, 0x07064b50, true);
  record.setBigUint64(64, BigInt(offset + size), true);
  record.setUint32(72, 1, true);
  return new Uint8Array(record.buffer);
}
