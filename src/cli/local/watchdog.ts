/**
 * Ends workerd when this process is gone, however it went: Miniflare's own exit hook does not run on SIGKILL, and a
 * workerd left behind would go on taking steps in a folder that its successor has opened.
 *
 * A shell waits on a pipe whose other end this process holds. The end of the pipe is the end of this process.
 */
import { spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Stands in for workerd: notes its process id, then becomes workerd.
 * Ctrl-C in a terminal reaches every process of the group; workerd ignores it, because a job may have to be cancelled
 * through it before it ends.
 */
const LAUNCHER = `#!/bin/sh
trap '' INT HUP
echo $$ > "$CAIRN_WORKERD_PID_FILE"
exec "$CAIRN_WORKERD" "$@"
`;

/** $1 is the file with workerd's process id; a clean stop removes it first. */
const WATCH = `
trap '' INT HUP TERM
while read -r _; do :; done
if [ -f "$1" ]; then kill -9 "$(cat "$1")" 2>/dev/null; rm -f "$1"; fi
`;

export interface Watchdog {
  /** To be called when workerd has ended. */
  release(): void;
}

/**
 * Starts the watchdog, and sets the variables by which Miniflare launches workerd under its eyes. Where there is no
 * POSIX shell (Windows) workerd is launched directly.
 *
 * @param folder an existing folder for the launcher and the process id; one watchdog per folder
 */
export function startWatchdog(folder: string): Watchdog {
  if (process.platform === 'win32') return { release: () => {} };
  const launcher = join(folder, 'workerd.sh');
  const pidFile = join(folder, 'workerd.pid');
  writeFileSync(launcher, LAUNCHER);
  chmodSync(launcher, 0o755);
  rmSync(pidFile, { force: true });
  process.env.CAIRN_WORKERD = workerdPath();
  process.env.CAIRN_WORKERD_PID_FILE = pidFile;
  process.env.MINIFLARE_WORKERD_PATH = launcher;
  const shell = spawn('/bin/sh', ['-c', WATCH, 'cairn-watchdog', pidFile], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Neither the shell nor the pipe keeps this process alive, and a shell that someone has killed is no error here.
  shell.unref();
  (shell.stdin as Socket).unref();
  shell.stdin.on('error', () => {});
  return {
    release: () => {
      rmSync(pidFile, { force: true });
      shell.stdin.end();
    },
  };
}

/** The workerd that the installed Miniflare would launch itself. */
function workerdPath(): string {
  const fromMiniflare = createRequire(createRequire(import.meta.url).resolve('miniflare'));
  const { default: path } = fromMiniflare('workerd') as { default: string };
  return path;
}
