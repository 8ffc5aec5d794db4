/** The job object as the platform makes it: its readers are told in the words of this API. */
import { SampleJob as Job } from '../../durable/sample-job.ts';
import type { Env } from '../../env.ts';
import { eventPresenter } from './presenter.ts';

export class SampleJob extends Job {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, eventPresenter);
  }
}
