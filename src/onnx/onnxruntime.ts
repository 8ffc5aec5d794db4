/** onnxruntime for Node. Everything imports it from here, because what it does depends on what comes before it. */
import './no-telemetry.ts';
import ort from 'onnxruntime-node';

export { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
export default ort;
