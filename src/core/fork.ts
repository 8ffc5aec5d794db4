/**
 * Leaving a trajectory at a step and going on in another way: fewer or more timesteps, another sampler. What was walked
 * before stays as it is, so the process of the whole is the timesteps visited so far and, below them, those of the tail.
 */
import { RespacingError, spaceTimesteps } from './respacing.ts';
import type { SamplerName, SamplerState } from './sampler.ts';

/**
 * Which timesteps of 0 .. reached a tail visits: `reached` itself, because x_t is at its noise level, and below it what
 * the respacing spreads over the rest (Nichol & Dhariwal 2021, section 4: any subsequence of the trained process will do).
 *
 * @param reached timestep of the trained process at which the networks are evaluated next
 * @param respacing a number of steps, or the grammar of {@link spaceTimesteps} over 0 .. reached; "" visits every one
 * @returns ascending, ending in `reached`
 * @throws {RespacingError} if the respacing does not fit into reached + 1 timesteps, or leaves none
 */
export function tailTimesteps(reached: number, respacing: string): number[] {
  const all = reached + 1;
  const spaced = spaceTimesteps(all, respacing === '' ? [all] : respacing);
  if (spaced.length === 0) {
    throw new RespacingError(`timestep respacing "${respacing}" leaves no timestep of the tail`);
  }
  return [...spaced.slice(0, -1), reached];
}

/**
 * The timesteps of the whole trajectory: the tail's, then those visited before it.
 *
 * @param timesteps of the process walked so far, ascending
 * @param t index in `timesteps` at which the networks are evaluated next
 * @param tail ascending, ending in `timesteps[t]`
 * @throws {RangeError} if the tail does not begin where the walk has arrived
 */
export function withTail(timesteps: readonly number[], t: number, tail: readonly number[]): number[] {
  if (tail.at(-1) !== timesteps[t]) {
    throw new RangeError(
      `the tail begins at timestep ${tail.at(-1)}, but the walk has arrived at ${timesteps[t]}`,
    );
  }
  return [...tail, ...timesteps.slice(t + 1)];
}

/**
 * The state from which the new walk goes on. With the same sampler it keeps its history: the timesteps behind it are
 * still those that it remembers. Another sampler would not know what that history is.
 *
 * @param tail number of timesteps left: the index of the one reached is tail - 1
 */
export function forkState(
  state: Omit<SamplerState, 'tensors'>,
  { sampler, tail }: { readonly sampler: SamplerName; readonly tail: number },
): { readonly state: Omit<SamplerState, 'tensors'>; readonly keepsHistory: boolean } {
  const forked = { ...state, sampler, t: tail - 1 };
  return { state: forked, keepsHistory: sampler === state.sampler };
}
