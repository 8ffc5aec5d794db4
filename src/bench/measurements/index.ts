/** Every measurement, in the order of the table: a new one is a file in this folder and a row here. */
import type { Measurement } from '../measurement.ts';
import { commit } from './commit.ts';
import { conversion } from './conversion.ts';
import { coreStep } from './core-step.ts';
import { gradient } from './gradient.ts';
import { gradientReleased } from './gradient-released.ts';
import { gradientWeb } from './gradient-web.ts';
import { largeRun } from './large-run.ts';
import { load } from './load.ts';
import { noise } from './noise.ts';
import { sendFirst } from './send-first.ts';
import { serverFairness } from './server-fairness.ts';
import { serverIdle } from './server-idle.ts';
import { serverOverhead } from './server-overhead.ts';
import { serverThroughput } from './server-throughput.ts';
import { stepEmbedded } from './step-embedded.ts';
import { stepOverhead } from './step-overhead.ts';
import { stepRemote } from './step-remote.ts';
import { watching } from './watching.ts';

export const measurements: readonly Measurement[] = [
  stepOverhead,
  stepRemote,
  stepEmbedded,
  watching,
  commit,
  sendFirst,
  load,
  serverThroughput,
  serverFairness,
  serverIdle,
  serverOverhead,
  gradient,
  gradientReleased,
  gradientWeb,
  conversion,
  coreStep,
  noise,
  largeRun,
];
