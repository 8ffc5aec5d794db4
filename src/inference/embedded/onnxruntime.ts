/**
 * onnxruntime-web made to start inside a Worker. Workers may not compile WebAssembly from bytes and must not fetch it,
 * so the module is imported (rule CompiledWasm in wrangler.toml) and put in the place of whatever bytes the library
 * wants to compile.
 */

import wasmModule from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import * as ort from 'onnxruntime-web/wasm';

// Keeps the library from fetching its own file; never compiled, only recognised.
const placeholder = new ArrayBuffer(8);

// One isolate is one thread.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = placeholder;
ort.env.logLevel = 'error';

const instantiate = WebAssembly.instantiate;

function instantiateImported(source: WebAssembly.Module | Uint8Array, imports?: WebAssembly.Imports) {
  if (source instanceof WebAssembly.Module || source.buffer !== placeholder) {
    return instantiate(source as WebAssembly.Module, imports);
  }
  // Synchronous on purpose: see session.ts, nothing in here may outlive the current turn of the event loop.
  return Promise.resolve({ module: wasmModule, instance: new WebAssembly.Instance(wasmModule, imports) });
}

Object.assign(WebAssembly, { instantiate: instantiateImported });

export { ort };
