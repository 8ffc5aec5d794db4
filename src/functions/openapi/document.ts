/**
 * The description at /openapi.json. Paths and schemas come from the routes; what holds for all of them (names, groups,
 * keys and scopes, common problems, headers) is said here once.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { OpenAPIObject, OperationObject, ResponseObject } from 'openapi3-ts/oas31';
import type { AppEnv } from '../app-env.ts';
import { demandOf } from '../auth/authenticate.ts';
import { STATES_TABLE } from '../states.ts';
import { REQUEST_EXAMPLES } from './examples.ts';
import { HEADERS, headersOf, PARAMETERS } from './headers.ts';
import { operationIdOf, TAGS, tagOf } from './names.ts';
import { type CommonProblem, commonResponses, problemExample, problemTypeAt, statusOf } from './problems.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const DESCRIPTION = `Classifier-guided diffusion sampling that keeps every step: a sample survives whatever dies under it, a seed names a picture, and every step can be looked at, resumed and forked.

Every request under /v1 carries an API key as \`Authorization: Bearer\`. Errors are problem details (RFC 9457). Answers name the limit of requests a minute (RateLimit-Policy); a 429 says when to come back (Retry-After). Fields and values may be added to answers at any time; clients ignore what they do not know.

${STATES_TABLE}`;

/** @param origin where this document was asked for, e.g. `https://cairn.example` */
export function describeApi(app: OpenAPIHono<AppEnv>, origin: string): OpenAPIObject {
  const document: OpenAPIObject = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Cairn',
      version: '1.0.0',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: origin, description: 'This deployment' }],
    tags: TAGS.map(({ name, description }) => ({ name, description })),
  });
  const demands = demandsOfRoutes(app);
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation !== undefined)
        complete(operation, method, path, demands.get(`${method} ${path}`) ?? null);
    }
  }
  document.components = {
    ...document.components,
    headers: HEADERS,
    parameters: PARAMETERS,
    responses: commonResponses(),
    securitySchemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        description:
          'An API key of an account (or, for accounts and keys, the admin token). An operation names the scope that the key needs.',
      },
      signedUrl: {
        type: 'apiKey',
        in: 'query',
        name: 'signature',
        description:
          'URLs of outputs and events in answers are signed (expires and signature) and work without a key until they expire.',
      },
    },
  };
  return document;
}

/** Fills in what the route itself did not say. */
function complete(operation: OperationObject, method: string, path: string, demand: Demand): void {
  const scope = demand?.scope ?? null;
  const isPublic = !path.startsWith('/v1/');
  operation.operationId ??= operationIdOf(method, path);
  operation.tags ??= [tagOf(path)];
  operation.security ??= isPublic ? [] : [{ apiKey: scope === null ? [] : [scope] }];
  if (demand?.signed) operation.security.push({ signedUrl: [] });
  addPreferences(operation);
  if (scope !== null) {
    operation.description = [operation.description, `Needs the scope \`${scope}\`.`]
      .filter((text) => text !== undefined)
      .join('\n\n');
  }
  addExamples(operation);
  const responses: Record<string, ResponseObject> = operation.responses ?? {};
  for (const [status, response] of Object.entries(responses)) {
    describe(response, Number(status), path);
    response.headers = { ...response.headers, ...headersOf(Number(status), isPublic) };
  }
  const common: CommonProblem[] = ['InternalError'];
  if (!isPublic) common.push('Unauthorized', 'RateLimited');
  if (scope !== null) common.push('Forbidden');
  if (operation.requestBody !== undefined) {
    common.push('MalformedJson', 'BodyTimeout', 'BodyTooLarge', 'UnsupportedMediaType', 'InvalidRequest');
  }
  const shared = common
    .filter((name) => responses[statusOf(name)] === undefined)
    .map((name) => [statusOf(name), { $ref: `#/components/responses/${name}` }]);
  operation.responses = { ...responses, ...Object.fromEntries(shared) };
}

function describe(response: ResponseObject, status: number, path: string): void {
  const problem = response.content?.['application/problem+json'];
  const type = problemTypeAt(status, path);
  if (problem !== undefined && type !== undefined) problem.example ??= problemExample(type, path);
}

function addExamples(operation: OperationObject): void {
  const examples = REQUEST_EXAMPLES[operation.operationId!];
  const body = operation.requestBody;
  if (examples === undefined || body === undefined || !('content' in body)) return;
  const json = body.content['application/json'];
  if (json !== undefined) json.examples = examples;
}

/** Headers that every operation which makes or shows a sample understands. */
function addPreferences(operation: OperationObject): void {
  const answers = Object.values(operation.responses ?? {}) as ResponseObject[];
  if (!answers.some(isSample)) return;
  const isCreate = operation.responses?.['202'] !== undefined;
  const names = isCreate
    ? ['IdempotencyKey', 'Prefer']
    : operation.operationId === 'getSample'
      ? ['Prefer']
      : [];
  // A route may have declared one itself; the names of headers are the same in either case.
  const declared = (operation.parameters ?? []).map((one) => ('name' in one ? one.name.toLowerCase() : ''));
  const missing = names.filter((name) => !declared.includes(PARAMETERS[name]!.name.toLowerCase()));
  const references = missing.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  operation.parameters = [...(operation.parameters ?? []), ...references];
}

function isSample({ content }: ResponseObject): boolean {
  const schema = content?.['application/json']?.schema;
  return schema !== undefined && '$ref' in schema && schema.$ref === '#/components/schemas/Sample';
}

type Demand = ReturnType<typeof demandOf>;

/** By method and path as OpenAPI writes them; a route that needs no scope is not in it. */
function demandsOfRoutes(app: OpenAPIHono<AppEnv>): Map<string, Demand> {
  const demands = new Map<string, Demand>();
  for (const { method, path, handler } of app.routes) {
    const demand = demandOf(handler);
    const written = path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    if (demand !== null) demands.set(`${method.toLowerCase()} ${written}`, demand);
  }
  return demands;
}
