/**
 * What a promise resolves to; undefined once it has failed, or has taken longer than so many ms. No timer stays behind:
 * one would keep an object from resting.
 */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const answered = new AbortController();
  const late = scheduler.wait(ms, { signal: answered.signal }).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    answered.abort();
  }
}
