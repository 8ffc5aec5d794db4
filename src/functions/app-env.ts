/** What Hono hands every route. */
import type { Env } from '../env.ts';
import type { Caller } from './auth/authenticate.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** Behind authentication: everything under /v1. */
    caller: Caller;
  };
}
