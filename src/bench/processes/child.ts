/** Processes of the benchmark: each side that must not share a thread with the other gets one of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Child extends AsyncDisposable {
  /** What the process said when it was ready. */
  readonly ready: unknown;
  readonly pid: number;
  /** One question, one answer; never two at a time. */
  ask(question: unknown): Promise<unknown>;
}

/**
 * Starts a module of this folder and waits for its first message.
 *
 * @param file e.g. `instant-backend.ts`
 * @param env variables besides those of this process
 * @throws {Error} if it ends before it is ready
 */
export async function startChild(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    env: { ...env, ...process.env },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with code ${code}`);
  });
  ended.catch(() => {}); // it ends in any case; only who waits for an answer must hear of it
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  return {
    ready: await answer(),
    pid: child.pid!,
    ask(question) {
      const next = answer();
      child.send(question as object);
      return next;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended.catch(() => {});
    },
  };
}
