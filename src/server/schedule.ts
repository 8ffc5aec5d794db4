/** A request's parameters that say when it is to run: Triton's schedule policy, and Cairn's own. */
import { excerpt, ProtocolError } from '../inference/oip/error.ts';
import type { Parameters } from '../inference/oip/tensor.ts';
import { DEFAULT_PRIORITY, type Schedule } from './model-runner.ts';

/** Longer names would fill the log. */
const LONGEST_OWNER = 200;

/**
 * | parameter        |                                                                                      |
 * | ---------------- | ------------------------------------------------------------------------------------ |
 * | `priority`       | whole number; 1 is first, 0 is the default as if it were absent                      |
 * | `timeout`        | microseconds from now after which the answer is of no use; 0 is none                 |
 * | `owner` or `job` | whose step it is: turns are shared out between owners                                |
 * | `exact`          | true: the run's batch is this request's own                                          |
 *
 * Parameters of other names are left to others: the protocol lets every client have its own.
 *
 * @param now milliseconds of `performance.now()` when the request came
 * @throws {ProtocolError} for a value that is none of the parameter's
 */
export function parseSchedule(parameters: Parameters, now: number): Schedule {
  const priority = wholeNumber(parameters, 'priority');
  const timeout = wholeNumber(parameters, 'timeout');
  const { exact = false } = parameters;
  if (typeof exact !== 'boolean') {
    throw new ProtocolError(`request: parameters.exact must be true or false, not ${excerpt(exact)}`);
  }
  if (parameters.owner !== undefined && parameters.job !== undefined) {
    throw new ProtocolError(
      'request: parameters.owner and parameters.job are the same; expected one of them',
    );
  }
  return {
    owner: parseOwner(parameters) ?? '',
    priority: priority === 0 ? DEFAULT_PRIORITY : priority,
    deadline: timeout === 0 ? null : now + timeout / 1000,
    exact,
  };
}

function wholeNumber(parameters: Parameters, name: string): number {
  const value = parameters[name] ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProtocolError(
    `request: parameters.${name} must be a whole number, 0 or more, not ${excerpt(value)}`,
  );
}

function parseOwner(parameters: Parameters): string | undefined {
  const name = parameters.owner === undefined ? 'job' : 'owner';
  const value = parameters[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_OWNER) return value;
  throw new ProtocolError(
    `request: parameters.${name} must be a string of 1 to ${LONGEST_OWNER} characters, not ${excerpt(value)}`,
  );
}
