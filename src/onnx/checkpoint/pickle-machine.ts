/** The stack machine that a pickle is a program for: plain data, and whatever the allow-list lets it call. */

/** A global that a pickle may call, and what calling it means here. */
export class PickleCallable {
  readonly name: string;
  readonly call: (args: readonly unknown[]) => unknown;

  constructor(name: string, call: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

export interface PickleEnvironment {
  /** The allow-list: what `module.name` stands for. @throws {Error} if it is not allowed */
  readonly resolveGlobal: (module: string, name: string) => unknown;
  /** What a persistent id stands for (PyTorch: a storage). @throws {Error} if it stands for nothing */
  readonly resolvePersistentId?: (id: unknown) => unknown;
}

/** Values that all calls together may be handed in lists. A state dict of 100,000 tensors needs about a million. */
const MAX_CALL_ITEMS = 10_000_000;

export class PickleMachine {
  readonly #environment: PickleEnvironment;
  #stack: unknown[] = [];
  readonly #marked: unknown[][] = [];
  readonly #memo = new Map<number, unknown>();
  #callItems = 0;

  constructor(environment: PickleEnvironment) {
    this.#environment = environment;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  /** The upmost `count` values, the lowest first. */
  pop(count: number): unknown[] {
    if (this.#stack.length < count) throw new Error('the pickle takes a value from an empty stack');
    return this.#stack.splice(this.#stack.length - count);
  }

  top(): unknown {
    if (this.#stack.length === 0) throw new Error('the pickle takes a value from an empty stack');
    return this.#stack.at(-1);
  }

  mark(): void {
    this.#marked.push(this.#stack);
    this.#stack = [];
  }

  /** Everything above the last mark. */
  popToMark(): unknown[] {
    const items = this.#stack;
    const below = this.#marked.pop();
    if (!below) throw new Error('the pickle goes back to a mark that it never set');
    this.#stack = below;
    return items;
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new Error('the pickle appends to something that is not a list');
    for (const item of items) list.push(item);
  }

  pushDict(items: readonly unknown[]): void {
    this.push(new Map());
    this.setItems(items);
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw new Error('the pickle sets an item of something that is not a dict');
    if (items.length % 2 !== 0) throw new Error('the pickle sets a key without a value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  memoize(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoizeNext(): void {
    this.memoize(this.#memo.size);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw new Error(`the pickle recalls value ${index}, which it never stored`);
    this.push(this.#memo.get(index));
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw new Error('the pickle names a global by something that is not text');
    }
    this.push(this.#environment.resolveGlobal(module, name));
  }

  call(callable: unknown, args: unknown): void {
    if (!(callable instanceof PickleCallable))
      throw new Error('the pickle calls something that is not allowed');
    if (!Array.isArray(args))
      throw new Error(`the pickle calls ${callable.name} without a tuple of arguments`);
    this.#countWork(callable, args);
    this.push(callable.call(args));
  }

  /** Five bytes hand a list over once more, however long it is: a small file could ask for years of work. */
  #countWork({ name }: PickleCallable, args: readonly unknown[]): void {
    for (const value of args) this.#callItems += Array.isArray(value) ? value.length : 1;
    if (this.#callItems > MAX_CALL_ITEMS) {
      throw new Error(`the pickle hands more than ${MAX_CALL_ITEMS} values to ${name} and other calls`);
    }
  }

  persistent(id: unknown): void {
    const resolve = this.#environment.resolvePersistentId;
    if (!resolve) throw new Error('the pickle refers to data outside itself');
    this.push(resolve(id));
  }

  /** BUILD sets attributes. On an OrderedDict (a state dict's `_metadata`) they say nothing we need. */
  build(_state: unknown): void {
    if (!(this.top() instanceof Map)) throw new Error('the pickle sets attributes of something not a dict');
  }
}
