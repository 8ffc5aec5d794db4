/** What `cloudflare:workers` gives tests inside workerd. */
declare namespace Cloudflare {
  interface Env extends Omit<import('../../src/env.ts').Env, never> {
    readonly MIGRATIONS: import('cloudflare:test').D1Migration[];
  }
  interface GlobalProps {
    mainModule: typeof import('../../src/functions/index.ts');
  }
}
