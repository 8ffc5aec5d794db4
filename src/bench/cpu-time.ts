/** Processor time of other processes: what a busy machine's clock says of a step, this does not hide. */
import { readdir, readFile } from 'node:fs/promises';

/** @returns milliseconds that a process and those it has started have run, or null where the system does not tell (Linux does) */
export async function cpuTimeMs(pid: number): Promise<number | null> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  if (threads.length === 0) return null;
  let ms = 0;
  for (const thread of threads) {
    const folder = `/proc/${pid}/task/${thread}`;
    const [times, children] = await Promise.all([
      readFile(`${folder}/schedstat`, 'utf8').catch(() => ''),
      readFile(`${folder}/children`, 'utf8').catch(() => ''),
    ]);
    ms += Number(times.split(' ', 1)[0]) / 1e6;
    for (const child of children.split(' ').filter((text) => text.trim() !== '')) {
      ms += (await cpuTimeMs(Number(child))) ?? 0;
    }
  }
  return ms;
}
