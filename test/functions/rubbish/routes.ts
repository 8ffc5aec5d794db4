/** Every route of the API, as it describes itself: one that is added tomorrow is tested tomorrow. */
import { app } from '../../../src/functions/app.ts';
import { callBare } from '../../support/api.ts';
import type { Schema, Schemas } from './schema-values.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema?: Schema;
}

export interface Route {
  /** In capitals. */
  readonly method: string;
  /** With `{name}` where parameters stand. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | null;
  /** Only the operator may call it. */
  readonly forAdmins: boolean;
}

export interface Api {
  readonly routes: readonly Route[];
  readonly schemas: Schemas;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

export async function readApi(): Promise<Api> {
  const { paths, components } = await (await callBare('/openapi.json')).json<Description>();
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => routeOf(method, path, operation)),
  );
  const known = new Set(described.map(nameOf));
  return {
    routes: [...described, ...pages().filter((page) => !known.has(nameOf(page)))],
    schemas: components.schemas,
  };
}

export function nameOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

function routeOf(method: string, path: string, operation: Operation): Route {
  const { parameters = [], requestBody, security = [] } = operation;
  return {
    method: method.toUpperCase(),
    path,
    parameters,
    body: Object.values(requestBody?.content ?? {})[0]?.schema ?? null,
    forAdmins: security.some((scheme) => Object.values(scheme).flat().includes('admin')),
  };
}

/** Routes that the description leaves out: pages, and the description. */
function pages(): Route[] {
  const seen = new Map<string, Route>();
  for (const { method, path: pattern } of app.routes) {
    if (method === 'ALL') continue;
    const path = pattern.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(
      ([, name]): Parameter => ({ name: name!, in: 'path' }),
    );
    seen.set(`${method} ${path}`, { method, path, parameters, body: null, forAdmins: false });
  }
  return [...seen.values()];
}
