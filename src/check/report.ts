/** What `cairn models check` finds, as data; text.ts shows it to people. */

export interface Finding {
  /** What was looked at: `model.json`, `gradient.onnx file`, `log_probs`, ... */
  readonly check: string;
  readonly ok: boolean;
  /** What was seen or, if it is not as it should be, what was expected and where. */
  readonly detail: string;
}

/** What one step of a batch costs. */
export interface StepCost {
  readonly batch: number;
  /** Milliseconds of the diffusion model alone: an unguided step. */
  readonly diffusionMs: number;
  /** Milliseconds of the classifier's gradient; null for a model without one. */
  readonly gradientMs: number | null;
  /** Milliseconds of both, one after another: a guided step. */
  readonly guidedMs: number | null;
  /** Bytes that a step (guided if it can be) sends to an inference server, without the HTTP headers. */
  readonly sentBytes: number;
  /** Bytes of the answer. */
  readonly receivedBytes: number;
}

export interface ModelReport {
  readonly folder: string;
  /** Absent if model.json can't be read. */
  readonly id?: string;
  readonly ok: boolean;
  /** In the order in which they were looked at; what depends on a failed one was not looked at. */
  readonly findings: readonly Finding[];
  /** Empty unless everything is right. */
  readonly costs: readonly StepCost[];
}

/** Collects findings; a check passes with what it returns and fails with what it throws. */
export class Findings {
  readonly all: Finding[] = [];

  get ok(): boolean {
    return this.all.every(({ ok }) => ok);
  }

  /** @returns the check's value, or undefined if it failed */
  async add<T>(
    check: string,
    action: () => T | Promise<T>,
    detail: (value: T) => string = String,
  ): Promise<T | undefined> {
    try {
      const value = await action();
      this.all.push({ check, ok: true, detail: detail(value) });
      return value;
    } catch (error) {
      this.all.push({ check, ok: false, detail: (error as Error).message.replaceAll('\n', ' ') });
      return undefined;
    }
  }
}
