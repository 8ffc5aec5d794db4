/** What a checkpoint is instead of the network that is expected, for people: names alone are hundreds. */
import { inferOptions, kindsOf } from './infer-options.ts';
import type { ArchitectureOptions } from './options.ts';
import { CLASS_NAMES } from './reference-options.ts';
import type { WeightSource } from './weights.ts';

/**
 * e.g. `a UNetModel with model_channels 32 instead of 256, num_classes none instead of 1000`.
 *
 * @returns undefined if it differs in nothing that names and shapes show as an option
 */
export function differencesFrom(expected: ArchitectureOptions, source: WeightSource): string | undefined {
  let found: Found;
  try {
    found = inferOptions(source);
  } catch (error) {
    return (error as Error).message;
  }
  const kinds = kindsOf(found);
  if (!kinds.includes(expected.kind)) {
    return `${aNetwork(kinds[0]!)} instead of ${aNetwork(expected.kind)}`;
  }
  const differences = differencesOf(expected, found.options);
  return differences.length === 0 ? undefined : `${aNetwork(expected.kind)} with ${differences.join(', ')}`;
}

function aNetwork(kind: ArchitectureOptions['kind']): string {
  return `${kind === 'encoder' ? 'an' : 'a'} ${CLASS_NAMES[kind]}`;
}

type Found = ReturnType<typeof inferOptions>;

function differencesOf(expected: ArchitectureOptions, { kind: _, ...found }: Found['options']): string[] {
  // A SuperResModel takes the small image beside the other.
  const images = expected.kind === 'super_resolution' ? 2 : 1;
  const wanted: Readonly<Record<string, unknown>> = {
    ...expected,
    in_channels: images * expected.in_channels,
    attention_resolutions: expected.attention_resolutions.toSorted((a, b) => a - b),
  };
  // No labels leave no trace.
  const shown: Readonly<Record<string, unknown>> =
    expected.kind === 'encoder' ? found : { num_classes: undefined, ...found };
  return Object.entries(shown).flatMap(([name, value]) =>
    plain(value) === plain(wanted[name]) ? [] : [`${name} ${plain(value)} instead of ${plain(wanted[name])}`],
  );
}

function plain(value: unknown): string {
  if (value === undefined) return 'none';
  if (Array.isArray(value)) return JSON.stringify(value);
  return String(value);
}
