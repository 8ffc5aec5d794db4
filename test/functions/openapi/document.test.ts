/** The description at /openapi.json, as strict readers and generated clients take it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeAll, expect, test } from 'vitest';
import { app } from '../../../src/functions/app.ts';
import { PROBLEMS } from '../../../src/functions/problem.ts';
import { callBare } from '../../support/api.ts';

type Operation = {
  operationId: string;
  summary?: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, MediaType> };
  responses: Record<string, { $ref?: string; headers?: object; content?: Record<string, MediaType> }>;
};
type MediaType = { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> };
type Description = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  tags: { name: string }[];
  components: { schemas: object; securitySchemes: object; responses: Record<string, { content: object }> };
};

let text: string;
let api: Description;
let operations: { method: string; path: string; operation: Operation }[];
beforeAll(async () => {
  text = await (await callBare('/openapi.json')).text();
  api = JSON.parse(text);
  operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  );
});

test('every reference leads somewhere', () => {
  const references = [...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)];
  expect(references.length).toBeGreaterThan(10);
  for (const [, name] of references) {
    const [kind, key] = name!.split('/') as [keyof Description['components'], string];
    expect(api.components[kind], name).toHaveProperty([key]);
  }
});

test('has every route of the app, and no other', () => {
  const pages = new Set(['/', '/docs', '/docs/{file}', '/playground/{file}', '/openapi.json']);
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
    .filter((route) => !pages.has(route.split(' ')[1]!));
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  expect(described.sort()).toEqual([...new Set(routes)].sort());
});

test('every operation can be a method: a unique name of its own, a summary, a known group', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const tags = api.tags.map(({ name }) => name);
  for (const { operation } of operations) {
    expect(operation.operationId).toMatch(/^[a-z]+[A-Z][A-Za-z]+$/);
    expect(operation.summary).toMatch(/\w/);
    expect(tags).toContain(operation.tags[0]);
  }
  expect(ids).toEqual(
    expect.arrayContaining([
      'createSample',
      'getSample',
      'patchSample',
      'cancelSample',
      'getSampleImage',
      'getSampleGrid',
      'listModels',
      'createKey',
      'listKeys',
      'rotateKey',
      'revokeKey',
      'getHealth',
    ]),
  );
});

test('every parameter of a path is described', () => {
  for (const { path, operation } of operations) {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => `{${name}}`).sort()).toEqual((path.match(/\{\w+\}/g) ?? []).sort());
  }
});

test('every operation under /v1 says which key it needs; nothing else needs one', () => {
  for (const { path, operation } of operations) {
    if (!path.startsWith('/v1/')) expect(operation.security).toEqual([]);
    else expect(operation.security[0]).toHaveProperty('apiKey');
  }
  const scopes = new Map(operations.map(({ operation }) => [operation.operationId, operation.security[0]]));
  expect(scopes.get('createSample')).toEqual({ apiKey: ['samples:write'] });
  expect(scopes.get('getSample')).toEqual({ apiKey: ['samples:read'] });
  expect(scopes.get('createAccount')).toEqual({ apiKey: ['admin'] });
});

test('every answer has a request id, and every unsuccessful one a problem of its status', () => {
  for (const { path, operation } of operations) {
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining(path.startsWith('/v1/') ? ['401', '500'] : ['500']),
    );
    for (const [status, inline] of Object.entries(operation.responses)) {
      const response =
        inline.$ref === undefined ? inline : api.components.responses[inline.$ref.split('/').at(-1)!]!;
      expect(response, `${operation.operationId} ${status}`).toHaveProperty(['headers', 'X-Request-Id']);
      if (Number(status) < 400) continue;
      const { example } = (response.content as Record<string, MediaType>)['application/problem+json']!;
      const { type } = example as { type: string };
      expect(PROBLEMS[type.replace('/problems/', '') as keyof typeof PROBLEMS].status).toBe(Number(status));
    }
  }
});

test('every example is one that its schema takes', () => {
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  ajv.addSchema({ $id: 'https://cairn.test/api', components: api.components });
  const check = (schema: object, value: unknown, where: string) => {
    const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"https://cairn.test/api#/'));
    const validate = ajv.compile(absolute);
    expect(validate(value), `${where}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  };
  let checked = 0;
  for (const { operation } of operations) {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)];
    for (const media of bodies.flatMap((body) => Object.values(body?.content ?? {}))) {
      const examples = [
        ...Object.values(media.examples ?? {}).map(({ value }) => value),
        ...(media.example === undefined ? [] : [media.example]),
      ];
      checked += examples.length;
      for (const value of examples) check(media.schema, value, operation.operationId);
    }
  }
  expect(checked).toBeGreaterThan(20);
});

test('is the same whenever it is asked for', async () => {
  expect(await (await callBare('/openapi.json')).text()).toBe(text);
});
