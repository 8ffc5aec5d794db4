import { Worker } from 'node:worker_threads';

/** Plain JavaScript and little room: a thread that had to read TypeScript would take 20 MiB. */
const WATCH = `
const server = process.ppid;
setInterval(() => {
  if (process.ppid !== server) process.kill(process.pid, 'SIGKILL');
}, 500);
`;

/**
 * Ends this process when the one that started it is gone (whoever inherits an orphan has another id), also in the
 * middle of a run, in which the main thread notices nothing. Else a server started in the place of one that was killed
 * would share the machine with the old one's engines.
 */
export function endWithParent(): void {
  new Worker(WATCH, {
    eval: true,
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  }).unref();
}
