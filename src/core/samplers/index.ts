/** The registry of samplers: a new one is a file in this folder and a row here. */
import type { SamplerName } from '../sampler.ts';
import type { Sampler } from './contract.ts';
import { ddim } from './ddim.ts';
import { ddimInversion } from './ddim-inversion.ts';
import { ddpm } from './ddpm.ts';

export const samplers: Readonly<Record<SamplerName, Sampler>> = {
  ddpm,
  ddim,
  ddim_inversion: ddimInversion,
};
