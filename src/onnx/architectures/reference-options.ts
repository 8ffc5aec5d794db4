/** From the reference's classes and constructor arguments to our options. */
import { z } from 'zod';
import { type ArchitectureOptions, architectureOptions } from './options.ts';

/** The reference's class for each kind of network. */
export const CLASS_NAMES = {
  unet: 'UNetModel',
  super_resolution: 'SuperResModel',
  encoder: 'EncoderUNetModel',
} as const satisfies Record<ArchitectureOptions['kind'], string>;

/** Arguments that say how to train or how to store, not what is computed. */
const WITHOUT_EFFECT = ['dropout', 'use_checkpoint', 'use_fp16'];
/** Where the reference writes -1 (or None) for "not given". */
const OPTIONAL = ['num_head_channels', 'num_heads_upsample', 'num_classes'];

/**
 * @param className `UNetModel`, `SuperResModel` or `EncoderUNetModel`
 * @param constructorArguments as the reference's constructor takes them (its defaults may be left out)
 * @throws {Error} naming every argument that is wrong or unknown
 */
export function optionsFromReference(
  className: string,
  constructorArguments: Readonly<Record<string, unknown>>,
): ArchitectureOptions {
  const kind = Object.entries(CLASS_NAMES).find(([, name]) => name === className)?.[0];
  if (kind === undefined) {
    throw new Error(`class ${className}; expected one of ${Object.values(CLASS_NAMES).join(', ')}`);
  }
  const { dims = 2, ...rest } = constructorArguments;
  if (dims !== 2)
    throw new Error(`dims ${JSON.stringify(dims)}: only two-dimensional networks are supported`);
  const given = Object.entries(rest).filter(([name, value]) => {
    if (value === undefined || WITHOUT_EFFECT.includes(name)) return false;
    // The reference hands its encoder an argument of the upsampling half that it does not have.
    if (kind === 'encoder' && name === 'num_heads_upsample') return false;
    return !(OPTIONAL.includes(name) && (value === -1 || value === null));
  });
  const result = architectureOptions.safeParse({
    channel_mult: [1, 2, 4, 8],
    kind,
    ...Object.fromEntries(given),
  });
  if (!result.success)
    throw new Error(`${className}: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`);
  return result.data;
}
