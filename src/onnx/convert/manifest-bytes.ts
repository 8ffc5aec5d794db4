/** model.json as it is written. */
import type { ModelManifest } from '../../models/manifest.ts';

export function manifestBytes(manifest: ModelManifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
}
