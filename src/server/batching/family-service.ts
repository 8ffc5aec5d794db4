import type { TensorsByName } from '../model-runner.ts';
import { GUIDED } from '../signatures.ts';
import { BusyError } from './errors.ts';
import { Lane } from './lane.ts';
import type { GraphPart, ModelFamily } from './options.ts';
import type { PendingRequest, Work } from './pending-request.ts';
import type { BatchLimits } from './queue.ts';

/** One family's requests, from their arrival to their answers. */
export class FamilyService {
  readonly family: ModelFamily;
  /** In the order in which they run. */
  readonly parts: readonly GraphPart[];
  readonly #name: string;
  readonly #limits: BatchLimits;
  readonly #maxWindowMs: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #requests = new Set<PendingRequest>();
  readonly #idle = Promise.withResolvers<void>();
  #running = 0;
  #draining = false;

  /** @param name unique among all services there ever were */
  constructor(name: string, family: ModelFamily, limits: BatchLimits, maxWindowMs: number) {
    this.family = family;
    this.parts = family.gradient === null ? [family.diffusion] : [family.diffusion, family.gradient];
    this.#name = name;
    this.#limits = limits;
    this.#maxWindowMs = maxWindowMs;
  }

  get lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }

  get waitingItems(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.waitingItems, 0);
  }

  /** @throws {BusyError} if the family is on its way out */
  checkOpen(): void {
    if (this.#draining) throw new BusyError(`model "${this.family.id}" is being replaced or unloaded`, 1);
  }

  /** The lane of images of this shape and datatype. */
  laneOf(inputs: TensorsByName): Lane {
    const { datatype, shape } = inputs.get(this.#image)!;
    const key = `${datatype}[${shape.slice(1)}]`;
    const lane = this.#lanes.get(key) ?? new Lane(`${this.#name} ${key}`, this.#limits, this.#maxWindowMs);
    this.#lanes.set(key, lane);
    return lane;
  }

  /** Images of a request. */
  itemsOf(inputs: TensorsByName): number {
    return inputs.get(this.#image)!.shape[0]!;
  }

  /** What each graph has to do for a request. */
  workOf(inputs: TensorsByName, wanted: readonly string[]): Work[] {
    const mask = inputs.get(GUIDED.name)?.data;
    return this.parts.flatMap((part) => {
      const outputs = part.signature.outputs.filter(({ name }) => wanted.includes(name));
      if (outputs.length === 0) return [];
      const masked = part === this.family.gradient && mask instanceof Uint8Array;
      return [{ part, outputs, mask: masked ? mask : null }];
    });
  }

  requestCame(request: PendingRequest): void {
    this.#requests.add(request);
  }

  requestEnded(request: PendingRequest): void {
    this.#requests.delete(request);
    this.#checkIdle();
  }

  runBegan(): void {
    this.#running++;
  }

  runEnded(): void {
    this.#running--;
    this.#checkIdle();
  }

  drain(): Promise<void> {
    this.#draining = true;
    this.#checkIdle();
    return this.#idle.promise;
  }

  get #image(): string {
    return this.family.diffusion.signature.inputs[0]!.name;
  }

  #checkIdle(): void {
    if (this.#draining && this.#running === 0 && this.#requests.size === 0) this.#idle.resolve();
  }
}
