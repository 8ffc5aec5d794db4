import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { buildSite } from './src/cli/site/build-site.ts';

const workerdTests = [
  'test/durable/**/*.test.ts',
  'test/functions/**/*.test.ts',
  'test/inference/worker/**/*.test.ts',
];
const systemTests = ['test/system/**/*.test.ts'];

// The Worker's static assets; nothing is done when they are up to date.
await buildSite();

/**
 * Three kinds of test: plain Node, inside workerd, and whole processes that get killed. `npm test` gives each kind a
 * vitest of its own, side by side: one computes while the others wait for alarms, time-outs and processes.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: [...workerdTests, ...systemTests],
          testTimeout: 60_000,
          // Some start servers.
          hookTimeout: 60_000,
          // What the files import takes longer than what they test.
          isolate: false,
        },
      },
      {
        plugins: [
          cloudflareTest(async ({ inject }) => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              d1Databases: ['EMPTY_DB'],
              ratelimits: {
                READ_LIMIT: { namespace_id: '1001', simple: { limit: 1_000_000, period: 60 } },
                WRITE_LIMIT: { namespace_id: '1002', simple: { limit: 1_000_000, period: 60 } },
                TIGHT_LIMIT: { namespace_id: '1003', simple: { limit: 3, period: 60 } },
              },
              bindings: {
                // A real inference server in Node behind a proxy that misbehaves on demand: onnxruntime in WebAssembly
                // costs seconds a file, so one test alone runs the embedded backend.
                INFERENCE_BACKEND: 'remote',
                INFERENCE_URL: inject('inferenceUrl'),
                INFERENCE_TIMEOUT_MS: '2000',
                STEP_DEADLINE_SECONDS: '3',
                STEPS_PER_ALARM: '1000',
                ALLOW_PRIVATE_WEBHOOKS: 'true',
                READS_PER_MINUTE: '1000000',
                WRITES_PER_MINUTE: '1000000',
                CORS_ORIGINS: 'https://app.example.com, https://www.example.com',
                REQUEST_LOG: 'off',
                QUOTA_ACTIVE_JOBS: '100000',
                QUOTA_RUNNING_JOBS: '64',
                QUOTA_IMAGES_PER_DAY: '1000000',
                QUOTA_IMAGE_STEPS_PER_DAY: '100000000',
                ADMIN_TOKEN: 'admin-token-of-the-tests',
                MIGRATIONS: await readD1Migrations('migrations'),
                URL_SIGNING_SECRET: 'url-signing-secret-of-the-tests-0123456789',
                WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
              },
            },
          })),
        ],
        test: {
          name: 'workerd',
          include: workerdTests,
          globalSetup: './test/support/worker-setup.ts',
          setupFiles: './test/support/worker-database.ts',
          testTimeout: 60_000,
          // The servers of the setup are shared, and their faults are for one test at a time.
          fileParallelism: false,
          // One workerd for all files, which use accounts and names of their own: a new one costs four seconds a file.
          isolate: false,
        },
      },
      {
        test: {
          name: 'system',
          include: systemTests,
          testTimeout: 600_000,
          hookTimeout: 120_000,
          // Each waits for its processes half of the time.
          maxWorkers: 2,
        },
      },
    ],
  },
});
