/** What a job asks to keep on the way, held against what an object may hold. */
import type { KeepTrajectory } from '../durable/spec.ts';
import { trajectoryBytes } from '../durable/trajectory-plan.ts';
import type { ModelManifest } from '../models/manifest.ts';
import { MAX_TRAJECTORY_BYTES } from './limits.ts';
import { fieldProblem } from './problem.ts';
import type { KeepTrajectoryRequest } from './schemas/trajectory.ts';

export interface Walk {
  readonly count: number;
  readonly batchSize: number;
  /** Steps behind the walk where it begins. */
  readonly first: number;
  /** Steps of the whole. */
  readonly last: number;
}

/** @throws {Problem} limit-exceeded, with the bytes it would take and the smallest `every` that fits */
export function resolveKeepTrajectory(
  request: KeepTrajectoryRequest | undefined,
  manifest: ModelManifest,
  { count, batchSize, first, last }: Walk,
): KeepTrajectory | null {
  if (request === undefined) return null;
  const { channels, height, width } = manifest.image;
  const elements = Math.min(count, batchSize) * channels * height * width;
  const bytesAt = (every: number) => trajectoryBytes({ ...request, every }, { first, last, elements });
  const bytes = bytesAt(request.every);
  if (bytes <= MAX_TRAJECTORY_BYTES) return request;
  let enough = request.every + 1;
  while (enough < last && bytesAt(enough) > MAX_TRAJECTORY_BYTES) enough++;
  const hint = bytesAt(enough) <= MAX_TRAJECTORY_BYTES ? `; every ${enough} fits` : '';
  throw fieldProblem(
    'limit-exceeded',
    '/keep_trajectory/every',
    `would keep ${bytes} bytes a batch, at most ${MAX_TRAJECTORY_BYTES} are possible${hint}`,
  );
}
