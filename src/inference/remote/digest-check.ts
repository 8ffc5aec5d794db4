import { BackendError } from '../backend.ts';

/** A server whose answers carry no digest is asked for its metadata this often. */
const METADATA_HOLDS_MS = 60_000;

/**
 * Holds the digest a server gives against the one that the job began with: the same name may be another model there,
 * and its steps would end in another picture. Cairn's server has its digest in every answer, which costs no call. For
 * others the metadata is asked, once a minute and model; where that has none either, the name has to do.
 */
export class DigestCheck {
  /** When the metadata was last right, or silent, by name on the wire; ms. */
  readonly #asked = new Map<string, number>();

  /**
   * Of a digest that the server gave by itself.
   *
   * @param model name on the wire
   * @throws {BackendError} `wrong_model` if they differ
   */
  requireSame(model: string, expected: string, given: unknown): void {
    if (given === expected) return;
    const message = `the server has ${model} as ${JSON.stringify(given)}, but the job began with "${expected}"`;
    throw new BackendError('wrong_model', message);
  }

  /** Whether the metadata was asked a short while ago. */
  isFresh(model: string, now: number): boolean {
    return now - (this.#asked.get(model) ?? Number.NEGATIVE_INFINITY) < METADATA_HOLDS_MS;
  }

  /**
   * Of the digest in the metadata, if there is one.
   *
   * @param ask what the metadata has as digest; null if nothing
   * @throws {BackendError} `wrong_model` if they differ; and what `ask` throws
   */
  async checkMetadata(model: string, expected: string, ask: () => Promise<string | null>): Promise<void> {
    const digest = await ask();
    if (digest !== null) this.requireSame(model, expected, digest);
    this.#asked.set(model, Date.now());
  }
}
