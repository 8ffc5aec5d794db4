/**
 * How the C library of a process that runs a large network is to hand out memory: environment variables of glibc, which
 * other C libraries do not know.
 *
 * While onnxruntime loads a graph it holds weights several times over, in the file's layout, folded, and in its own.
 * By itself glibc learns from what is freed to keep blocks of that size: holes of more than half the weights' size, for
 * as long as the process lives. With a fixed threshold large blocks go back to the system. The other variable keeps
 * what glibc would have come to give back of the small ones, which a fixed threshold lowers too.
 *
 * Small networks leave small holes, and each step of theirs would ask the system for the memory of a larger tensor
 * again: 5 ms for one of 3 MB.
 */
import type { GraphFile } from '../../models/manifest.ts';
import { isLargeGraph } from './graph-file.ts';

const ALLOCATOR_ENVIRONMENT = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 20),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 26),
} as const;

/** @returns nothing to set, unless a graph is large */
export function allocatorEnvironment(
  files: readonly Pick<GraphFile, 'data'>[],
): Readonly<Record<string, string>> {
  return files.some(isLargeGraph) ? ALLOCATOR_ENVIRONMENT : {};
}
