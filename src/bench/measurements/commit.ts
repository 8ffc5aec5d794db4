import { interleave, type Sample } from '../interleave.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';
import type { CommitInput } from '../worker/operations.ts';

const CASES = [
  { size: '4 KB', bytes: 4096, commits: 40 },
  { size: '40 KB', bytes: 40_960, commits: 40 },
  { size: '768 KB', bytes: 786_432, commits: 15 },
  { size: '3 MB', bytes: 3_145_728, commits: 6 },
];
const ROUNDS = 9;

export const commit: Measurement = {
  name: 'commit',
  title: 'The commit of a step',
  method: `A step's commit in a durable object of the local workerd (tensor, sampler state, status and event in one
transaction), flushed to disk each time, against a bare INSERT OR REPLACE of the same bytes, flushed likewise. A remote
step hides it behind the next call ("send-first"); an embedded one pays it.`,
  async run({ quick, onProgress }) {
    await using worker = await startLocalWorker({});
    const rows: Row[] = [];
    for (const { size, bytes, commits } of CASES) {
      onProgress(size);
      const time =
        (how: CommitInput['how']): Sample =>
        async () =>
          (await worker.call('commits', { bytes, commits, how })).ms;
      const { ours, floor } = await interleave(
        { ours: time('store'), floor: time('sql') },
        quick ? 2 : ROUNDS,
      );
      rows.push({ name: `commit, ${size}`, unit: 'ms', floorIs: 'bare SQL write', ...compare(ours, floor) });
    }
    return rows;
  },
};
