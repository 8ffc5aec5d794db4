/** What `cloudflare:workers` gives tests inside workerd. */
declare namespace Cloudflare {
  interface Env extends Omit<import('../../src/env.ts').Env, never> {}
  interface GlobalProps {
    mainModule: typeof import('../../src/functions/index.ts');
  }
}
