/** The finished pictures as files: the grid and every single image. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CairnClient, ImageEntry, SampleResponse } from '../../client/index.ts';

/**
 * @param folder an existing one
 * @returns the path of the grid
 */
export async function writeImages(
  client: CairnClient,
  sample: SampleResponse,
  folder: string,
): Promise<string> {
  const grid = join(folder, 'grid.png');
  await writeFile(grid, await client.download(sample.grid ?? sample.urls.grid));
  for (const image of sample.images) {
    if (image.url === null) throw new Error(`image ${image.index} of ${sample.id} has no picture`);
    await writeFile(join(folder, imageName(image, sample.images.length)), await client.download(image.url));
  }
  return grid;
}

/** e.g. `image-07-class-7.png`: the index is padded so that the names sort in order. */
export function imageName(image: Pick<ImageEntry, 'index' | 'class' | 'class_name'>, count: number): string {
  const index = String(image.index).padStart(String(count - 1).length, '0');
  const label = image.class_name ?? image.class;
  return label === null ? `image-${index}.png` : `image-${index}-class-${fileSafe(String(label))}.png`;
}

/** Class names are free text; a file name is not. */
function fileSafe(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}_-]+/gu, '-');
}
