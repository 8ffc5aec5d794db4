/** The live line of a download: which file, how much of it. */
import type { SampleResponse } from '../../client/index.ts';
import { createLiveBar } from '../live-bar.ts';
import type { ApiContext } from './api-command.ts';
import { type OutputKind, saveOutputs } from './save-outputs.ts';

export interface DownloadDisplay {
  update(name: string, received: number, size: number | null): void;
  stop(): void;
}

/** Files that come sooner than they could be shown are not. */
const SHOWN_FROM_BYTES = 1_000_000;

export function showDownload(stream: NodeJS.WritableStream): DownloadDisplay {
  const bar = createLiveBar(stream);
  let started = false;
  return {
    update(name, received, size) {
      if (size === null || size < SHOWN_FROM_BYTES) return;
      if (!started) bar.start(1, 0);
      started = true;
      bar.update(received / size, { text: `${name}, ${megabytes(received)} of ${megabytes(size)} MB` });
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Writes the outputs of a sample and shows the large ones come. @param only see SaveOptions */
export async function saveWithProgress(
  { client, signal }: ApiContext,
  sample: SampleResponse,
  folder: string,
  only?: readonly OutputKind[],
): Promise<string[]> {
  const display = showDownload(process.stderr);
  try {
    return await saveOutputs(client, sample, folder, {
      signal,
      onProgress: display.update,
      ...(only !== undefined && { only }),
    });
  } finally {
    display.stop();
  }
}
