import { expect, test } from 'vitest';
import { explainProvider } from '../../../src/server/engine/provider-help.ts';

const CUDA = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';
const loading = (path: string, missing: string) =>
  `[E:onnxruntime] Failed to load library ${path} with error: ${missing}: cannot open shared object file: No such file or directory`;

test.each([
  [
    "onnxruntime's own CUDA library",
    'cuda',
    CUDA,
    loading('/ort/libonnxruntime_providers_shared.so', '/ort/libonnxruntime_providers_shared.so'),
    'libonnxruntime_providers_shared.so is not installed; get it with ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node',
  ],
  [
    'a library of NVIDIA that it needs',
    'cuda',
    CUDA,
    loading('/ort/libonnxruntime_providers_cuda.so', 'libcudnn.so.9'),
    'libcudnn.so.9 is missing; install CUDA 12 and cuDNN 9, or name the folder they are in with LD_LIBRARY_PATH',
  ],
  [
    'TensorRT',
    'tensorrt',
    CUDA,
    loading('/ort/libonnxruntime_providers_tensorrt.so', 'libnvinfer.so.10'),
    'libnvinfer.so.10 is missing; install CUDA 12, cuDNN 9 and TensorRT 10, or name the folder they are in with LD_LIBRARY_PATH',
  ],
  [
    'the Vulkan loader',
    'webgpu',
    'Failed to get a WebGPU adapter: No supported adapters',
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory",
    "libvulkan.so.1 is missing; install the Vulkan loader (libvulkan1 on Debian and Ubuntu) and the graphics card's Vulkan driver",
  ],
  [
    'that there is no card',
    'webgpu',
    'webgpu_context.cc:136 Initialize Failed to get a WebGPU adapter: No supported adapters',
    'Warning: vkCreateInstance: Found no drivers!',
    "no graphics card that can be used was found; install the card's Vulkan driver (vulkaninfo --summary lists what there is), and let a container have it",
  ],
  [
    'what Cairn does not know, in the words of onnxruntime',
    'webgpu',
    'Device lost:\n no reason\n',
    '',
    'Device lost: no reason',
  ],
] as const)('names %s', (_, provider, reason, log, advice) => {
  expect(explainProvider(provider, reason, log)).toBe(
    `can't run on ${provider}: ${advice} (docs/serving.md, "Execution providers")`,
  );
});
