/** KServe's InferenceService (serving.kserve.io/v1beta1) for either server. */
import { stringify } from 'yaml';

/** Where KServe's storage initializer puts what it downloads. */
const MODELS = '/mnt/models';

/** The port KServe sends requests to unless told otherwise. */
const PORT = 8080;

interface ServiceOptions {
  /** The service's name, a DNS label. */
  readonly name: string;
  readonly namespace?: string;
  /** Where the models are: `s3://`, `gs://`, `pvc://`, ... */
  readonly storageUri: string;
  /** GPUs of each replica; 0 for none. */
  readonly gpus: number;
  /** Of each replica, as Kubernetes writes it: `16Gi`. */
  readonly memory: string;
  readonly replicas: number;
}

/** NVIDIA Triton on a repository of `cairn export triton`. */
export interface TritonService extends ServiceOptions {
  readonly runtime: 'triton';
  /** Tag of the Triton image; undefined takes the cluster's own. */
  readonly runtimeVersion?: string;
}

/** Cairn's own server on a folder of model folders. */
export interface CairnService extends ServiceOptions {
  readonly runtime: 'cairn';
  readonly image: string;
  readonly provider: string;
  /** Name of the Secret whose key `token` is the bearer token; undefined leaves the server open. */
  readonly tokenSecret?: string;
}

/** @throws {Error} for a name that is no DNS label */
export function inferenceService(options: TritonService | CairnService): string {
  const { name, namespace, replicas } = options;
  if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `"${name}" can't be the name of a service: expected lower-case letters, digits and hyphens, 63 at most, a letter first`,
    );
  }
  const predictor = options.runtime === 'triton' ? tritonPredictor(options) : cairnPredictor(options);
  return stringify({
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: { predictor: { minReplicas: replicas, maxReplicas: replicas, ...predictor } },
  });
}

function tritonPredictor(options: TritonService): object {
  const { storageUri, runtimeVersion } = options;
  return {
    model: {
      modelFormat: { name: 'onnx' },
      runtime: 'kserve-tritonserver',
      ...(runtimeVersion !== undefined && { runtimeVersion }),
      protocolVersion: 'v2',
      storageUri,
      ...probes(),
      resources: resources(options),
    },
  };
}

function cairnPredictor(options: CairnService): object {
  const { image, provider, storageUri, tokenSecret } = options;
  const token = {
    name: 'INFERENCE_TOKEN',
    valueFrom: { secretKeyRef: { name: tokenSecret, key: 'token' } },
  };
  return {
    containers: [
      {
        name: 'kserve-container',
        image,
        args: ['serve', MODELS, '--host', '0.0.0.0', '--port', String(PORT), '--provider', provider],
        // With this variable the storage initializer fills MODELS for a container of one's own, too.
        env: [{ name: 'STORAGE_URI', value: storageUri }, ...(tokenSecret === undefined ? [] : [token])],
        ports: [{ containerPort: PORT, protocol: 'TCP' }],
        ...probes(),
        resources: resources(options),
      },
    ],
  };
}

/** Both servers answer health without a token, and are ready when every model is loaded and warm. */
function probes() {
  const get = (path: string) => ({ httpGet: { path, port: PORT } });
  return {
    readinessProbe: { ...get('/v2/health/ready'), periodSeconds: 5 },
    livenessProbe: { ...get('/v2/health/live'), periodSeconds: 10 },
    // TensorRT builds engines for minutes before a server is ready for the first time.
    startupProbe: { ...get('/v2/health/ready'), periodSeconds: 10, failureThreshold: 180 },
  };
}

function resources({ gpus, memory }: ServiceOptions) {
  const amount = { memory, ...(gpus > 0 && { 'nvidia.com/gpu': String(gpus) }) };
  return { requests: { cpu: '4', ...amount }, limits: amount };
}
