/** What the benchmark's Worker does on request: POST /bench/<operation> with the input as JSON. */

export interface Operations {
  /** When each step of a finished one-batch job was committed. */
  readonly timeline: { readonly input: { readonly job: string }; readonly output: readonly StepTime[] };
  /** Runs graphs in onnxruntime and nothing else: no object, no storage, no validation. */
  readonly bare: { readonly input: BareInput; readonly output: Duration };
  /** Sends a guided step to a server and reads the answer, and nothing else. */
  readonly fetch: { readonly input: FetchInput; readonly output: Duration };
  /** Commits a state of one tensor again and again, each commit flushed. */
  readonly commits: { readonly input: CommitInput; readonly output: Duration };
  /** A whole large run whose batches end at once: what is left is the job object's. */
  readonly run: { readonly input: RunInput; readonly output: Duration };
  /** Runs the timestep loop without onnxruntime, with a commit in the place that `order` says. */
  readonly walk: { readonly input: WalkInput; readonly output: Duration };
}

export interface StepTime {
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly backendMs: number;
}

export interface Duration {
  /** Milliseconds per run, commit, step or batch. */
  readonly ms: number;
}

export interface BareInput {
  /** Run one after another, as a guided step runs them. */
  readonly graphs: readonly ('diffusion' | 'classifier' | 'gradient')[];
  readonly batch: number;
  readonly runs: number;
}

export interface FetchInput {
  /** Base URL of an inference server. */
  readonly url: string;
  readonly batch: number;
  readonly exchanges: number;
}

export interface CommitInput {
  readonly bytes: number;
  readonly commits: number;
  /** `store`: as a step is committed. `sql`: the same bytes in a bare INSERT OR REPLACE. */
  readonly how: 'store' | 'sql';
}

export interface RunInput {
  readonly account: string;
  readonly batches: number;
}

export interface WalkInput {
  /** Base URL of an inference server that takes any model; null for zeros from inside the Worker. */
  readonly url: string | null;
  readonly image: { readonly channels: number; readonly height: number; readonly width: number };
  readonly batch: number;
  readonly steps: number;
  /**
   * `send_first`: the product's order for remote backends. `write_first`: its order for embedded ones. `no_commit`:
   * nothing is kept.
   */
  readonly order: 'send_first' | 'write_first' | 'no_commit';
}
