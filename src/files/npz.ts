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
  /** In order, each of height * width * channels bytes, with the CRC-32 of its bytes. */
  readonly images: readonly (Segment & { readonly crc32: number })[];
}

/**
 * @param labels one for each image, or null if the images have no class: then there is no `arr_1`
 * @throws {RangeError} for an archive of 4 GiB or more
 */
export function npzSegments(array: ImageArray, labels: readonly number[] | null): Segment[] {
  const { height, width, channels, images } = array;
  const header = npyHeader('|u1', [images.length, height, width, channels]);
  const members = [
    {
      name: 'arr_0.npy',
      size: images.reduce((sum, image) => sum + image.size, header.length),
      crc32: images.reduce((crc, image) => combineCrc32(crc, image.crc32, image.size), crc32(header)),
      content: [segmentOf(header), ...images],
    },
  ];
  if (labels !== null) {
    const values = bytesOf(BigInt64Array.from(labels, BigInt));
    const content = concat([npyHeader('<i8', [labels.length]), values]);
    members.push({
      name: 'arr_1.npy',
      size: content.length,
      crc32: crc32(content),
      content: [segmentOf(content)],
    });
  }
  return storedZip(members);
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
  if (offset >= IN_ZIP64_FIELD) throw new RangeError(`${offset} bytes of arrays do not fit in one .npz here`);
  const entries = concat(directory);
  segments.push(segmentOf(entries, directoryEnd(members.length, entries.length, offset)));
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

/** APPNOTE.TXT 4.3.12. */
function directoryEntry({ name, size, crc32: crc }: Member, offset: number): Uint8Array {
  const fixed = new DataView(new ArrayBuffer(46));
  fixed.setUint32(0, 0x02014b50, true);
  fixed.setUint16(4, CREATED_ON_UNIX | VERSION, true);
  fixed.setUint16(6, VERSION, true);
  fixed.setUint16(14, DOS_DATE_1980, true);
  fixed.setUint32(16, crc, true);
  fixed.setUint32(20, size, true);
  fixed.setUint32(24, size, true);
  fixed.setUint16(28, name.length, true);
  fixed.setUint32(38, OWNER_READ_WRITE, true);
  fixed.setUint32(42, offset, true);
  return concat([new Uint8Array(fixed.buffer), new TextEncoder().encode(name)]);
}

/** APPNOTE.TXT 4.3.16. */
function directoryEnd(count: number, size: number, offset: number): Uint8Array {
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(end.buffer);
}
