/**
 * A strict reader of Python pickles (protocols 0 to 5, the part that data needs).
 *
 * A pickle is a program for a stack machine that may call anything Python can import. Nothing is called here except
 * what the caller's allow-list hands out; any other global is an error that names it. General-purpose pickle
 * libraries are too obliging for files from strangers: they call whatever lies on the stack, copy attributes onto
 * any object, and (pickleparser) read negative integers as positive ones.
 */
import { ByteReader } from './byte-reader.ts';
import { type PickleEnvironment, PickleMachine } from './pickle-machine.ts';
import { PICKLE_OPCODES } from './pickle-opcodes.ts';

/** A pickle that can't be read: damaged, or using something that is not allowed. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

const STOP = '.'.charCodeAt(0);

/**
 * Reads one pickle. Dicts become Maps, lists and tuples arrays, bytes Uint8Arrays; integers beyond 2^53 bigints.
 *
 * @returns the value, and the offset just behind the pickle
 * @throws {PickleError} with the offset of the offending opcode
 */
export function unpickle(
  bytes: Uint8Array,
  environment: PickleEnvironment,
  start = 0,
): { value: unknown; end: number } {
  const reader = new ByteReader(bytes, start);
  const machine = new PickleMachine(environment);
  for (;;) {
    const offset = reader.position;
    try {
      const opcode = reader.uint8();
      if (opcode === STOP) return { value: machine.top(), end: reader.position };
      const execute = PICKLE_OPCODES.get(opcode);
      if (!execute) throw new Error(`pickle opcode 0x${opcode.toString(16)} is not supported`);
      execute(machine, reader);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new PickleError(`${reason} (pickle opcode at byte ${offset})`);
    }
  }
}
