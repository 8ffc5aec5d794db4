/** What a server and one of its engine processes say to each other. One message is answered before the next is sent. */
import type { GraphFile } from '../../models/manifest.ts';
import type { ModelSignature } from '../model-runner.ts';
import type { TensorPlace } from './exchange.ts';
import type { SessionSettings } from './session-settings.ts';

/** Which graph of a model folder. */
export type GraphName = 'diffusion' | 'gradient';

/** Inputs and outputs that a graph must have. */
export type GraphSignature = Pick<ModelSignature, 'inputs' | 'outputs'>;

export interface GraphSpec {
  readonly graph: GraphName;
  readonly file: GraphFile;
  readonly signature: GraphSignature;
}

export interface LoadMessage {
  readonly kind: 'load';
  readonly folder: string;
  readonly graphs: readonly GraphSpec[];
  readonly settings: SessionSettings;
}

export interface RunMessage {
  readonly kind: 'run';
  readonly graph: GraphName;
  readonly inputs: readonly TensorPlace[];
  /** Inputs that are the same as in the run before, and so not sent again. */
  readonly held: readonly string[];
  readonly wanted: readonly string[];
}

export type ToEngine = LoadMessage | RunMessage;

export type FromEngine =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'ran'; readonly outputs: readonly TensorPlace[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly of: 'provider' | 'model' | 'run' };
