/** Closes the server at the first SIGTERM or SIGINT; the process ends by itself when nothing is left to do. */
export function closeOnSignals(server: { close(): Promise<void> }, log: (line: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log(`${signal}: finishing what runs, then stopping`);
      server.close().catch((error: unknown) => {
        log(`stopping failed: ${error instanceof Error ? error.message : error}`);
        process.exitCode = 1;
      });
    });
  }
}
