import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { cpuTimeMs } from '../../src/bench/cpu-time.ts';

test('a process has the time of those it started', async () => {
  const work = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end); ';
  const inner = `${work} console.log("worked"); setInterval(() => {}, 1000);`;
  const outer = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(inner)}], { stdio: "inherit" }).on("spawn", () => {});
    process.on("SIGTERM", () => process.exit());`;
  const parent = spawn(process.execPath, ['-e', outer], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  onTestFinished(() => void process.kill(-parent.pid!, 'SIGKILL'));
  await once(parent.stdout!, 'data');
  expect(await cpuTimeMs(parent.pid!)).toBeGreaterThan(300);
});

test('one that is not there has none', async () => {
  expect(await cpuTimeMs(2 ** 30)).toBeNull();
});
