/** What one request may ask for. */

/** Images in one job. */
export const MAX_COUNT = 256;
/** Images times steps in one job. */
export const MAX_IMAGE_STEPS = 100_000;
/** Request body, bytes: requests are a few hundred. */
export const MAX_BODY_BYTES = 64 * 1024;
/** Length of the class list. */
export const MAX_CLASSES = 256;
export const MAX_GUIDANCE_SCALE = 100;
/** The largest seed whose every image (seed + n) is still an exact integer. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER - MAX_COUNT;
export const MAX_URL_LENGTH = 2_048;
