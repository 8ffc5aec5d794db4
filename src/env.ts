/** What wrangler.toml binds, plus the variables an operator may set. */
import type { AccountQueue } from './durable/account-queue.ts';
import type { SampleBatch } from './durable/sample-batch.ts';
import type { SampleJob } from './durable/sample-job.ts';
import type { InferenceEnv } from './inference/fleet/configuration.ts';

/** The queue carries names only: of a job that owes events, or of a delivery that is due. */
export type WebhookMessage = { readonly job: string } | { readonly delivery: string };

export interface Env extends InferenceEnv {
  readonly JOBS: DurableObjectNamespace<SampleJob>;
  readonly BATCHES: DurableObjectNamespace<SampleBatch>;
  readonly ACCOUNT_QUEUES: DurableObjectNamespace<AccountQueue>;
  readonly OUTPUTS: R2Bucket;
  /** The built site: dist/site. */
  readonly ASSETS: Fetcher;
  readonly WEBHOOKS: Queue<WebhookMessage>;

  /** Accounts, keys, and the index of what they own; migrations/ has its schema. */
  readonly DB: D1Database;
  /** Secret of the operator: lets its bearer manage accounts and keys. Without it no request can. */
  readonly ADMIN_TOKEN?: string;

  /** What an account may use that has no quotas of its own; see src/functions/quotas.ts. */
  readonly QUOTA_ACTIVE_JOBS: string;
  readonly QUOTA_RUNNING_JOBS: string;
  readonly QUOTA_IMAGES_PER_DAY: string;
  readonly QUOTA_IMAGE_STEPS_PER_DAY: string;

  /**
   * Requests of a key in a minute; the same numbers stand in wrangler.toml's ratelimits. On a laptop there is no binding
   * for a limit that nobody reaches there.
   */
  readonly READ_LIMIT?: RateLimit;
  readonly WRITE_LIMIT?: RateLimit;
  readonly READS_PER_MINUTE: string;
  readonly WRITES_PER_MINUTE: string;
  /** Sites whose pages may call the API: `*`, or origins with commas between them. Default: none. */
  readonly CORS_ORIGINS?: string;
  /** `off`: no line for each request. */
  readonly REQUEST_LOG?: string;

  /** What a request that does not say gets: `exact` (default) or `fast`. */
  readonly DEFAULT_REPRODUCIBILITY?: string;

  /**
   * Signs links to outputs and events, which then work without a key for an hour: at least 32 characters. Without it
   * links are unsigned, and everything needs a key.
   */
  readonly URL_SIGNING_SECRET?: string;
  /** The one before a rotation: links that it signed still work. */
  readonly URL_SIGNING_SECRET_PREVIOUS?: string;

  /** Signs the webhooks of jobs that bring no secret of their own: `whsec_` and base64 of 24 to 64 bytes. */
  readonly WEBHOOK_SECRET?: string;
  /** Seconds before each attempt at a webhook after the first, with commas between them. Default: the specification's. */
  readonly WEBHOOK_RETRY_SECONDS?: string;
  /** `true` lets webhooks go to http and private addresses: for a laptop and for tests. */
  readonly ALLOW_PRIVATE_WEBHOOKS?: string;

  /** Samples are kept this long after they ended, unless they say otherwise. Default: 7 days. */
  readonly RETENTION_SECONDS?: string;
  /** The longest that a request may ask for. Default: 90 days. */
  readonly MAX_RETENTION_SECONDS?: string;

  /**
   * Parts of the world in which the objects of batches are made in turns, with commas between, e.g. `enam,weur`: near
   * inference servers that are there. Default: near the job, which is near whoever asked for it.
   */
  readonly BATCH_LOCATIONS?: string;

  /** A step that keeps failing this long without one success fails the job. Default 600. */
  readonly STEP_DEADLINE_SECONDS?: string;
  /** Most steps one alarm runs before it re-arms itself. Default: by wall time and subrequests alone. */
  readonly STEPS_PER_ALARM?: string;
}
