/** The models a server offers, from a folder of model folders, also while that folder changes. */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ProviderError } from './engine/engine-error.ts';
import { type WatchOptions, watchFolder } from './folder-watch.ts';
import { LoadedModel, type LoadOptions } from './loaded-model.ts';
import { findModelFolders, fingerprintOf } from './model-folder.ts';
import type { ModelRunner } from './model-runner.ts';

export interface RepositoryOptions extends LoadOptions {
  /** A changed folder is read when it has not changed for this long: nobody copies gigabytes at once. */
  readonly settleMs: number;
  /** How long a model that was replaced or removed still takes requests that had found it before. */
  readonly lingerMs: number;
  /** How to notice changes; null for not at all. */
  readonly watch: Omit<WatchOptions, 'log'> | null;
}

interface Refusal {
  readonly folder: string;
  readonly fingerprint: string;
  readonly reason: string;
}

interface Served {
  readonly fingerprint: string;
  readonly model: LoadedModel;
}

export class ModelRepository {
  readonly #dir: string;
  readonly #options: RepositoryOptions;
  /** By folder. */
  readonly #served = new Map<string, Served>();
  readonly #refused = new Map<string, Refusal>();
  readonly #models = new Map<string, ModelRunner>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #unreadable = false;
  #unwatch: (() => Promise<void>) | null = null;

  constructor(modelsDir: string, options: RepositoryOptions) {
    this.#dir = modelsDir;
    this.#options = options;
  }

  /** By name on the wire; it changes with the folder, and a model is in it when it is warm. */
  get models(): ReadonlyMap<string, ModelRunner> {
    return this.#models;
  }

  /** Model folders that could not be loaded, and why. */
  get refused(): readonly Pick<Refusal, 'folder' | 'reason'>[] {
    return [...this.#refused.values()];
  }

  /** Resident memory of each model's engines, by the model folder's id, as far as the system tells. */
  async engineBytes(): Promise<{ readonly model: string; readonly bytes: number }[]> {
    const all = [...this.#served.values()].map(async ({ model }) => {
      const bytes = await model.engineBytes();
      return bytes === null ? [] : [{ model: model.id, bytes }];
    });
    return (await Promise.all(all)).flat();
  }

  /** Whether the model of this name on the wire has an engine to run on. */
  isReady(name: string): boolean {
    return [...this.#served.values()].some(({ model }) => model.ready && model.names.includes(name));
  }

  /**
   * Loads every model folder; a bad one is refused and does not keep out the others. From then on the folder is watched.
   *
   * @throws {ProviderError} if this machine has not what a model is to run on
   * @throws {Error} if the directory can't be read
   */
  async load(): Promise<void> {
    for (const folder of await findModelFolders(this.#dir)) {
      const fingerprint = await fingerprintOf(folder);
      if (fingerprint === null) continue;
      const error = await this.#replace(folder, fingerprint);
      if (error instanceof ProviderError) throw error;
    }
    const { watch, log } = this.#options;
    if (watch !== null) this.#unwatch = watchFolder(this.#dir, { ...watch, log }, () => this.refresh());
  }

  /**
   * Takes over what has changed in the folder since.
   *
   * @returns false if a folder is still being written: look again soon
   */
  async refresh(): Promise<boolean> {
    const { settleMs, log } = this.#options;
    const seen = await this.#look();
    const changed = seen && [...seen].filter(([folder, fingerprint]) => this.#known(folder) !== fingerprint);
    if (changed === null || changed.length === 0) return true;

    await delay(settleMs, undefined, { signal: this.#closing.signal }).catch(() => {});
    let settled = true;
    for (const [folder, fingerprint] of changed) {
      if (this.#closing.signal.aborted) return true;
      if ((await fingerprintOf(folder)) !== fingerprint) settled = false;
      else if (fingerprint !== null) await this.#reload(folder, fingerprint);
      else if (this.#forget(folder)) log.info(`removed ${basename(folder)}`);
    }
    return settled;
  }

  /** Frees everything. Whoever still waits for an answer gets an {@link EngineError}. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#models.clear();
    for (const { model } of this.#served.values()) this.#retire(model);
    this.#served.clear();
    await Promise.all([this.#unwatch?.(), ...this.#retiring]);
  }

  /** @returns fingerprints of the folders that are there (null for one that was), or null if that can't be seen */
  async #look(): Promise<Map<string, string | null> | null> {
    let folders: readonly string[];
    try {
      folders = await findModelFolders(this.#dir);
    } catch (error) {
      // A share that is away for a moment is no reason to stop serving.
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#unreadable) this.#options.log.warn(`can't look for models, all stay as they are: ${reason}`);
      this.#unreadable = true;
      return null;
    }
    this.#unreadable = false;
    const all = new Set([...folders, ...this.#served.keys(), ...this.#refused.keys()]);
    const seen = new Map<string, string | null>();
    for (const folder of all) seen.set(folder, await fingerprintOf(folder));
    return seen;
  }

  #known(folder: string): string | null {
    return (this.#refused.get(folder) ?? this.#served.get(folder))?.fingerprint ?? null;
  }

  /** Puts what the folder holds now in the place of what it held; if it is no good, all stays as it was. */
  async #replace(folder: string, fingerprint: string): Promise<Error | null> {
    const { log } = this.#options;
    const before = this.#served.get(folder);
    try {
      const model = await this.#openModel(folder, before?.model);
      this.#refused.delete(folder);
      this.#served.set(folder, { fingerprint, model });
      // In one go: a request finds all of the old one or all of the new one.
      for (const name of before?.model.names ?? []) this.#models.delete(name);
      for (const runner of model.runners) this.#models.set(runner.signature.name, runner);
      if (before !== undefined) this.#retire(before.model);
      return null;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused.set(folder, { folder, fingerprint, reason });
      if (this.#closing.signal.aborted) return new Error(reason);
      log.warn(
        `refused ${folder}: ${reason}${before === undefined ? '' : '; the model it held before stays'}`,
      );
      return error instanceof Error ? error : new Error(reason);
    }
  }

  async #reload(folder: string, fingerprint: string): Promise<void> {
    const done = this.#served.has(folder) ? 'replaced' : 'added';
    const error = await this.#replace(folder, fingerprint);
    if (error === null) this.#options.log.info(`${done} ${basename(folder)}`);
  }

  async #openModel(folder: string, before: LoadedModel | undefined): Promise<LoadedModel> {
    const model = await LoadedModel.open(folder, this.#options, this.#closing.signal);
    const taken = model.names.find((name) => this.#models.has(name) && !before?.names.includes(name));
    if (taken === undefined && !this.#closing.signal.aborted) return model;
    await model.close(this.#closing.signal);
    throw new Error(
      taken === undefined ? 'the server is stopping' : `another folder already gives a model "${taken}"`,
    );
  }

  /** @returns whether it gave models */
  #forget(folder: string): boolean {
    const before = this.#served.get(folder);
    this.#refused.delete(folder);
    this.#served.delete(folder);
    for (const name of before?.model.names ?? []) this.#models.delete(name);
    if (before !== undefined) this.#retire(before.model);
    return before !== undefined;
  }

  /** Its requests finish on it, unless the server stops before. */
  #retire(model: LoadedModel): void {
    const retired = delay(this.#options.lingerMs, undefined, { signal: this.#closing.signal })
      .catch(() => {})
      .then(() => model.close(this.#closing.signal))
      .finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
  }
}
