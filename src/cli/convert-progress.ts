/** The live line of a conversion: which part is written, and how much of it. */
import { type Options, type Params, SingleBar } from 'cli-progress';
import { drawBar } from './live-bar.ts';

export interface ConversionDisplay {
  /** A part begins: its name, and how many of how many are done. */
  part(name: string, done: number, total: number): void;
  /** Bytes of the part's weights so far, and in all. */
  bytes(done: number, total: number): void;
  stop(): void;
}

/** A bar that redraws itself in a terminal; anywhere else a line for each part. */
export function showConversion(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
): ConversionDisplay {
  if (!stream.isTTY) {
    return {
      part: (name, done, total) => void stream.write(`[${done}/${total}] ${name}\n`),
      bytes: () => undefined,
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({ format: formatLine, stream, hideCursor: true, gracefulExit: false });
  let label = '';
  let started = false;
  return {
    part: (name, done, total) => {
      label = `[${done}/${total}] ${name}`;
    },
    bytes: (done, total) => {
      if (started) bar.update(done, { label });
      else bar.start(total, done, { label });
      bar.setTotal(total);
      started = true;
    },
    stop: () => bar.stop(),
  };
}

/** e.g. `[############------------] [0/3] diffusion, 1145 of 2290 MB`. */
export function formatLine(
  _options: Options,
  { progress, value, total }: Pick<Params, 'progress' | 'value' | 'total'>,
  { label }: { label?: string },
): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return `${drawBar(progress)} ${label ?? ''}, ${megabytes(value)} of ${megabytes(total)} MB`;
}
