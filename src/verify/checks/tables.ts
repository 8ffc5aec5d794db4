import type { Diffusion } from '../../core/index.ts';

/** The reference's names of a diffusion's tables. */
export const TABLES = {
  betas: 'betas',
  alphas_cumprod: 'alphasCumprod',
  alphas_cumprod_prev: 'alphasCumprodPrev',
  alphas_cumprod_next: 'alphasCumprodNext',
  sqrt_alphas_cumprod: 'sqrtAlphasCumprod',
  sqrt_one_minus_alphas_cumprod: 'sqrtOneMinusAlphasCumprod',
  log_one_minus_alphas_cumprod: 'logOneMinusAlphasCumprod',
  sqrt_recip_alphas_cumprod: 'sqrtRecipAlphasCumprod',
  sqrt_recipm1_alphas_cumprod: 'sqrtRecipm1AlphasCumprod',
  posterior_variance: 'posteriorVariance',
  posterior_log_variance_clipped: 'posteriorLogVarianceClipped',
  posterior_mean_coef1: 'posteriorMeanCoef1',
  posterior_mean_coef2: 'posteriorMeanCoef2',
} as const satisfies Record<string, keyof Diffusion>;

/** The names above that an entry of an index has, with their values. */
export function tablesIn(entry: Readonly<Record<string, unknown>>): [keyof typeof TABLES, number[]][] {
  return (Object.keys(TABLES) as (keyof typeof TABLES)[])
    .filter((name) => Array.isArray(entry[name]))
    .map((name) => [name, entry[name] as number[]]);
}

/**
 * Two float64 evaluations may round a cosine or a logarithm differently in the last bit; 1 - alpha_bar(t + 1) /
 * alpha_bar(t) enlarges that by 1 / beta, which is below 10^6.
 */
export const TABLE_TOLERANCE = 1e-10;
