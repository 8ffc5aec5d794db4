/** The Worker's bindings as a process sees them that dies at its n-th call to one, and a queue that loses everything. */
import type { Env } from '../../src/env.ts';

type Call = (...values: never[]) => unknown;

export interface CrashingEnv {
  readonly env: Env;
  /** Calls so far. */
  taken(): number;
}

/** @param when before the call is made, or after, when its answer is lost */
export function crashingEnv(env: Env, at: number, when: 'before' | 'after'): CrashingEnv {
  let calls = 0;

  async function step<T>(call: () => Promise<T>): Promise<T> {
    const fatal = ++calls === at;
    if (fatal && when === 'before') throw new Error('crashed');
    const answer = await call();
    if (fatal) throw new Error('crashed');
    return answer;
  }

  /** Every method is a step. */
  function stepped<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const method: unknown = Reflect.get(object, name, object);
        if (typeof method !== 'function') return method;
        return (...values: never[]) => step(() => Promise.resolve((method as Call).apply(object, values)));
      },
    });
  }

  /** `bind` stays a statement, everything else is a step; a batch needs the statements themselves. */
  const bare = new WeakMap<object, D1PreparedStatement>();
  function statement(real: D1PreparedStatement): D1PreparedStatement {
    const proxy = new Proxy(stepped(real), {
      get: (object, name) =>
        name === 'bind'
          ? (...values: unknown[]) => statement(real.bind(...values))
          : Reflect.get(object, name, object),
    });
    bare.set(proxy, real);
    return proxy;
  }

  const database = {
    prepare: (sql: string) => statement(env.DB.prepare(sql)),
    batch: (all: D1PreparedStatement[]) => step(() => env.DB.batch(all.map((one) => bare.get(one)!))),
  };
  const jobs = {
    idFromName: (name: string) => env.JOBS.idFromName(name),
    get: (id: DurableObjectId) => {
      const stub = env.JOBS.get(id);
      return {
        owedEvents: () => step(async () => stub.owedEvents()),
        settleEvents: (...values: Parameters<typeof stub.settleEvents>) =>
          step(async () => stub.settleEvents(...values)),
        webhookSeen: (...values: Parameters<typeof stub.webhookSeen>) =>
          step(async () => stub.webhookSeen(...values)),
      };
    },
  };
  const queue = { send: () => step(async () => {}), sendBatch: () => step(async () => {}) };
  const crashing = { ...env, DB: database, JOBS: jobs, WEBHOOKS: queue };
  return { env: crashing as unknown as Env, taken: () => calls };
}
