/** The product's Worker, which offers the study's models beside those that are installed. */
import { env } from 'cloudflare:workers';
import { offerModel } from '../../models/registry.ts';

/** Set by src/study/local-cairn.ts: the models' manifests, as JSON. */
const { STUDY_MODELS } = env as unknown as { readonly STUDY_MODELS: string };

for (const manifest of JSON.parse(STUDY_MODELS) as unknown[]) offerModel(manifest, 'STUDY_MODELS');

export { AccountQueue, default, SampleBatch, SampleJob } from '../../functions/index.ts';
