/** The models a server offers, from a folder of model folders. */
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphRunner } from './graph-runner.ts';
import { GraphSession } from './graph-session.ts';
import { readModelFolder } from './model-folder.ts';
import type { ModelRunner } from './model-runner.ts';
import type { RunGate } from './run-gate.ts';
import { signaturesOf } from './signatures.ts';

export interface ModelRepository {
  /** By name on the wire. */
  readonly models: ReadonlyMap<string, ModelRunner>;
  /** Model folders that could not be loaded, and why. */
  readonly refused: readonly { readonly folder: string; readonly reason: string }[];
  close(): Promise<void>;
}

/**
 * Loads every folder in `modelsDir` that has a model.json; a bad one is refused and does not keep out the others.
 *
 * @throws {Error} if the directory can't be read
 */
export async function loadRepository(
  modelsDir: string,
  options: { readonly gate: RunGate; readonly threads: number | undefined },
): Promise<ModelRepository> {
  const models = new Map<string, ModelRunner>();
  const refused: { folder: string; reason: string }[] = [];
  const sessions: GraphSession[] = [];
  for (const folder of await findModelFolders(modelsDir)) {
    try {
      const loaded = await loadFolder(folder, options);
      const taken = loaded.runners.find(({ signature }) => models.has(signature.name));
      sessions.push(...loaded.sessions);
      if (taken !== undefined)
        throw new Error(`another folder already gives a model "${taken.signature.name}"`);
      for (const runner of loaded.runners) models.set(runner.signature.name, runner);
    } catch (error) {
      refused.push({ folder, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return {
    models,
    refused,
    close: async () => {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}

async function findModelFolders(modelsDir: string): Promise<string[]> {
  const entries = await readdir(modelsDir, { withFileTypes: true });
  const folders: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    // Hidden ones are conversions under way.
    if (entry.name.startsWith('.')) continue;
    const folder = join(modelsDir, entry.name);
    const hasManifest = await access(join(folder, 'model.json')).then(
      () => true,
      () => false,
    );
    if (hasManifest) folders.push(folder);
  }
  return folders;
}

async function loadFolder(
  folder: string,
  { gate, threads }: { readonly gate: RunGate; readonly threads: number | undefined },
): Promise<{ runners: ModelRunner[]; sessions: GraphSession[] }> {
  const { manifest, diffusion, gradient } = await readModelFolder(folder);
  const signatures = signaturesOf(manifest);
  const unet = {
    session: await GraphSession.open(diffusion, signatures.diffusion, threads),
    outputs: signatures.diffusion.outputs.map(({ name }) => name),
  };
  const runners = [new GraphRunner(signatures.diffusion, [unet], gate)];
  if (gradient === null || signatures.classifier === null || signatures.guided === null) {
    return { runners, sessions: [unet.session] };
  }
  try {
    const classifier = {
      session: await GraphSession.open(gradient, signatures.classifier, threads),
      outputs: signatures.classifier.outputs.map(({ name }) => name),
    };
    runners.push(new GraphRunner(signatures.classifier, [classifier], gate));
    runners.push(new GraphRunner(signatures.guided, [unet, classifier], gate));
    return { runners, sessions: [unet.session, classifier.session] };
  } catch (error) {
    await unet.session.close();
    throw error;
  }
}
