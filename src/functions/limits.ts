/** What one request may ask for. */

/** Images in one job: a large run, of as many as samplers are judged by. */
export const MAX_COUNT = 50_000;
/** Images in one page of them. */
export const MAX_IMAGE_PAGE = 1_000;
/** Images times steps in one job: the most images, each by all the steps of the reference's process. */
export const MAX_IMAGE_STEPS = 50_000_000;
/** Request body, bytes: requests are a few hundred. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Length of the class list. */
export const MAX_CLASSES = 256;
/** Classes that are given a number of images. */
export const MAX_COUNTED_CLASSES = 1_000;
export const MAX_GUIDANCE_SCALE = 100;
/** The largest seed whose every image (seed + n) is still an exact integer. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER - MAX_COUNT;
export const MAX_URL_LENGTH = 2_048;
/** Weight of one class among several, either way. */
export const MAX_CLASS_WEIGHT = 10;
/** T of any trained process, and so the steps of any job. */
export const MAX_TIMESTEPS = 10_000;
/** Entries of a sample's metadata, and characters of one. */
export const MAX_METADATA = { entries: 16, key: 40, value: 500 } as const;
/** What the kept steps of one batch may take, bytes: its object holds 10 GB, the walk's own rows included. */
export const MAX_TRAJECTORY_BYTES = 1024 ** 3;
/** Request body with an image in base64, bytes: a PNG of 1024 x 1024 with 16-bit colours fits. */
export const MAX_IMAGE_BODY_BYTES = 10 * 1024 * 1024;
/** Webhook endpoints of one account. */
export const MAX_WEBHOOK_ENDPOINTS = 20;
/** Seconds after its end for which a sample is kept at the least: what goes sooner could hardly be fetched. */
export const MIN_RETENTION_SECONDS = 60;
/** A job may be given at most this long, seconds. */
export const MAX_DEADLINE_SECONDS = 30 * 86_400;
