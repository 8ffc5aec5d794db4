import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { inferenceService } from '../../../src/export/kserve/inference-service.ts';

const COMMON = { name: 'cairn', storageUri: 's3://bucket/a: #b', gpus: 1, memory: '16Gi', replicas: 2 };

describe('an InferenceService', () => {
  test('runs the exported repository on Triton', () => {
    const service = parse(inferenceService({ runtime: 'triton', runtimeVersion: '25.01-py3', ...COMMON }));
    expect(service).toMatchObject({
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: { name: 'cairn' },
      spec: {
        predictor: {
          minReplicas: 2,
          maxReplicas: 2,
          model: {
            modelFormat: { name: 'onnx' },
            runtime: 'kserve-tritonserver',
            runtimeVersion: '25.01-py3',
            protocolVersion: 'v2',
            storageUri: 's3://bucket/a: #b',
            resources: { limits: { memory: '16Gi', 'nvidia.com/gpu': '1' } },
          },
        },
      },
    });
  });

  test("runs Cairn's own server in a container, its token from a Secret", () => {
    const service = parse(
      inferenceService({
        ...COMMON,
        runtime: 'cairn',
        image: 'registry.example/cairn:1',
        provider: 'cuda',
        tokenSecret: 'cairn-token',
        namespace: 'diffusion',
      }),
    );
    expect(service.metadata).toEqual({ name: 'cairn', namespace: 'diffusion' });
    const [container] = service.spec.predictor.containers;
    expect(container).toMatchObject({
      name: 'kserve-container',
      image: 'registry.example/cairn:1',
      args: ['serve', '/mnt/models', '--host', '0.0.0.0', '--port', '8080', '--provider', 'cuda'],
      env: [
        { name: 'STORAGE_URI', value: 's3://bucket/a: #b' },
        { name: 'INFERENCE_TOKEN', valueFrom: { secretKeyRef: { name: 'cairn-token', key: 'token' } } },
      ],
      readinessProbe: { httpGet: { path: '/v2/health/ready', port: 8080 } },
    });
  });

  test('asks for no GPU where none is used', () => {
    const service = parse(inferenceService({ runtime: 'triton', ...COMMON, gpus: 0 }));
    expect(service.spec.predictor.model.resources.limits).toEqual({ memory: '16Gi' });
  });

  test.each(['Cairn', '1cairn', 'cairn-', 'a'.repeat(64), 'ca.irn', ''])('is not called "%s"', (name) => {
    expect(() => inferenceService({ runtime: 'triton', ...COMMON, name })).toThrow(
      /can't be the name of a service/,
    );
  });
});
