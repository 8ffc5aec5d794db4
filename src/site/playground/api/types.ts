/** What the page reads of the API's answers. */
import type { SampleRequest, SampleResponse } from '../../../client/index.ts';

export interface ForkRequest {
  /** Steps that are shared. */
  readonly step: number;
  readonly class?: SampleRequest['class'];
  readonly classes?: SampleRequest['classes'];
  readonly guidance_scale?: SampleRequest['guidance_scale'];
  readonly sampler?: SampleRequest['sampler'];
  /** Of the tail. */
  readonly steps?: SampleRequest['steps'];
  readonly eta?: number;
  readonly seed?: number;
}

export type Patch = Pick<SampleRequest, 'class' | 'classes' | 'guidance_scale'>;

/** A sample, and what parts of the API may say of it that are not everywhere. */
export type Sample = SampleResponse & {
  readonly forked_from?: { readonly id: string; readonly step: number } | null;
  readonly outputs: { readonly animation?: string | null };
  readonly urls: { readonly events?: string };
};

export interface EventData {
  readonly status: Pick<Sample, 'status' | 'queue' | 'retry' | 'error'>;
  readonly step: Sample['progress'];
  readonly preview: {
    readonly step: number;
    readonly images: readonly { readonly index: number; readonly png: string }[];
  };
  readonly output: { readonly index: number; readonly url: string };
  readonly done: { readonly status: Sample['status']; readonly sample?: Sample };
}
