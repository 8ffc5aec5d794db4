import { describe, expect, it } from 'vitest';
import { deviation, type Experiment, exactPosterior, exactPrior, sampleMoments } from './closed-form.ts';

const ANCESTRAL: Experiment = {
  sampler: 'ddpm',
  eta: 0,
  guidanceScale: 1,
  samples: 10_000,
  respacing: '200',
};
const DDIM: Experiment = { ...ANCESTRAL, sampler: 'ddim' };

/**
 * In standard deviations: standard errors of 10^4 samples are 0.010 for a mean and 0.014 for a variance, and 200 steps
 * cost up to 0.06 more.
 */
const BOUND = 0.08;

describe('with perfect networks for Gaussian data', () => {
  it.each<[string, Experiment]>([
    ['ancestral sampling, fixed small variance', { ...ANCESTRAL, varianceType: 'fixed_small' }],
    ['ancestral sampling, fixed large variance', { ...ANCESTRAL, varianceType: 'fixed_large' }],
    ['ancestral sampling, learned-range variance', { ...ANCESTRAL, varianceType: 'learned_range' }],
    ['DDIM, eta 0', DDIM],
    ['DDIM, eta 0.5', { ...DDIM, eta: 0.5 }],
    ['DDIM, eta 1', { ...DDIM, eta: 1 }],
  ])('guided %s draws from the exact posterior p(x_0 | y)', (_, experiment) => {
    expect(deviation(sampleMoments(experiment), exactPosterior())).toBeLessThan(BOUND);
  });

  it.each([ANCESTRAL, DDIM])('unguided $sampler draws from the data', (experiment) => {
    const moments = sampleMoments({ ...experiment, guidanceScale: 0 });
    expect(deviation(moments, exactPrior())).toBeLessThan(BOUND);
  });
});

describe('the bound on the posterior notices', () => {
  const sabotaged: [string, (experiment: Experiment) => Experiment][] = [
    [
      'a gradient of the wrong sign',
      (experiment) => ({ ...experiment, sabotage: { gradient: (gradient) => gradient.map((g) => -g) } }),
    ],
    [
      'a missing variance factor',
      (experiment) => ({
        ...experiment,
        sabotage: { gradient: (gradient, variance) => gradient.map((g) => g / variance) },
      }),
    ],
    [
      'a variance factor too many',
      (experiment) => ({
        ...experiment,
        sabotage: { gradient: (gradient, variance) => gradient.map((g) => g * variance) },
      }),
    ],
    [
      'networks that get the respaced index instead of the timestep',
      (experiment) => ({ ...experiment, sabotage: { timestep: (_, respaced) => respaced } }),
    ],
    ['a guidance scale 20 % too large', (experiment) => ({ ...experiment, guidanceScale: 1.2 })],
    ['no guidance', (experiment) => ({ ...experiment, guidanceScale: 0 })],
  ];

  describe.each([ANCESTRAL, DDIM])('in $sampler', (experiment) => {
    it.each(sabotaged)('%s', (_, sabotage) => {
      expect(deviation(sampleMoments(sabotage(experiment)), exactPosterior())).toBeGreaterThan(1.4 * BOUND);
    });
  });
});
