/** Processes of a group and their memory, by the system's own table. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface ProcessEntry {
  readonly pid: number;
  readonly residentMiB: number;
  readonly command: string;
}

export async function processesOf(group: number): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,pgid=,rss=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [, pid, pgid, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(pgid) === group
      ? [{ pid: Number(pid), residentMiB: Number(rss) / 1024, command: command! }]
      : [];
  });
}
