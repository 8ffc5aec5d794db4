/** How onnxruntime is to run a model's graphs. */
import type { ExecutionProvider, ModelManifest } from '../../models/manifest.ts';
import type { InferenceSession } from '../../onnx/onnxruntime.ts';

export interface SessionSettings {
  readonly provider: ExecutionProvider;
  /** Number of the GPU, for cuda and tensorrt. */
  readonly device: number;
  /** Threads of one run on the CPU; null for all cores. */
  readonly threads: number | null;
  /** Keep the memory of a run for the next one, which is faster, instead of giving it back. */
  readonly arena: boolean;
}

/** What an operator says for all models; what is left out, a model's own model.json decides. */
export type SettingsFlags = { readonly [Name in keyof SessionSettings]?: SessionSettings[Name] | undefined };

export function settingsFor({ serving }: ModelManifest, flags: SettingsFlags): SessionSettings {
  return {
    provider: flags.provider ?? serving?.provider ?? 'cpu',
    device: flags.device ?? serving?.device ?? 0,
    threads: flags.threads ?? serving?.threads ?? null,
    arena: flags.arena ?? true,
  };
}

/** TensorRT takes the parts of a graph that it can, and CUDA the others; onnxruntime-node passes no options but these. */
export function sessionOptions(settings: SessionSettings): InferenceSession.SessionOptions {
  const { provider, device: deviceId, threads, arena } = settings;
  const providers = {
    cpu: ['cpu'],
    cuda: [{ name: 'cuda', deviceId }],
    tensorrt: [
      { name: 'tensorrt', deviceId },
      { name: 'cuda', deviceId },
    ],
    webgpu: ['webgpu'],
  } as const;
  return {
    executionProviders: providers[provider],
    enableCpuMemArena: arena,
    // A plan of a run's memory is made for every batch size and takes a block of its own: twice the arena.
    enableMemPattern: false,
    ...(threads !== null && { intraOpNumThreads: threads }),
  };
}
