/** The short form of `npm run soak`. */
import { afterEach, expect, test } from 'vitest';
import { killStartedScripts, outputOfStartedScripts } from './npm-script.ts';
import { seededRandom } from './random.ts';
import { problemsOf, reportOf } from './soak/report.ts';
import { runSoak } from './soak/run.ts';

const SECONDS = 20;

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(outputOfStartedScripts());
  killStartedScripts();
});

test('servers that are killed, stall, break connections and answer nonsense lose no job, change no byte and leave nothing in memory', async () => {
  const result = await runSoak({ seconds: SECONDS, servers: 2, clients: 4, random: seededRandom('soak') });
  console.log(reportOf(result));
  expect(problemsOf(result, SECONDS / 60)).toEqual([]);
  expect(
    result.jobs.filter(({ reproducibility, same }) => reproducibility === 'exact' && same).length,
  ).toBeGreaterThan(0);
  expect(result.faults.size).toBeGreaterThan(0);
});
