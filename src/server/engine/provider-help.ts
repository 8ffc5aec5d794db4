/** What to do about an execution provider that can't be had, from what onnxruntime says of it. */
import type { ExecutionProvider } from '../../models/manifest.ts';

const GUIDE = 'docs/serving.md, "Execution providers"';

/**
 * @param reason onnxruntime's error
 * @param log what onnxruntime wrote to standard error meanwhile: the error itself often leaves the library's name out
 * @returns one line: what is missing and how to get it
 */
export function explainProvider(provider: ExecutionProvider, reason: string, log: string): string {
  const advice = provider === 'webgpu' ? webgpuAdvice(reason, log) : cudaAdvice(provider, log);
  return `can't run on ${provider}: ${advice ?? oneLine(reason)} (${GUIDE})`;
}

function cudaAdvice(provider: ExecutionProvider, log: string): string | null {
  // The loader names the library that is missing, which may be one that the named one needs.
  const missing = /([\w.+-]+): cannot open shared object file/.exec(log)?.[1];
  if (missing === undefined) return null;
  if (missing.startsWith('libonnxruntime_providers')) {
    return `${missing} is not installed; get it with ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node`;
  }
  const libraries = provider === 'tensorrt' ? 'CUDA 12, cuDNN 9 and TensorRT 10' : 'CUDA 12 and cuDNN 9';
  return `${missing} is missing; install ${libraries}, or name the folder they are in with LD_LIBRARY_PATH`;
}

function webgpuAdvice(reason: string, log: string): string | null {
  const loader = /Couldn't load Vulkan: ([\w.+-]+)/.exec(log)?.[1];
  if (loader !== undefined) {
    return `${loader} is missing; install the Vulkan loader (libvulkan1 on Debian and Ubuntu) and the graphics card's Vulkan driver`;
  }
  if (reason.includes('Failed to get a WebGPU adapter')) {
    return "no graphics card that can be used was found; install the card's Vulkan driver (vulkaninfo --summary lists what there is), and let a container have it";
  }
  return null;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
