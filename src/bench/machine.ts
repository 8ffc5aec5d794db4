/** What the figures were taken on. Nothing that names the machine or its owner. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly platform: string;
  /** By package name. */
  readonly versions: Readonly<Record<string, string>>;
}

const PACKAGES = ['workerd', 'onnxruntime-node', 'onnxruntime-web'];

export async function describeMachine(): Promise<Machine> {
  const versions = await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const));
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    versions: { node: process.versions.node, ...Object.fromEntries(versions) },
  };
}

/** By way of the lookup folders: packages with an export map hide their package.json. */
async function versionOf(name: string): Promise<string> {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const text = await readFile(`${folder}/${name}/package.json`, 'utf8').catch(() => null);
    if (text !== null) return JSON.parse(text).version;
  }
  return 'unknown';
}
