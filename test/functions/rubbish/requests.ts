/** Requests as nobody should send them, at any route. */
import fc from 'fast-check';
import { spoiledBodies } from './bodies.ts';
import { HEADERS, METHODS, PARTS, QUERY_NAMES, QUERY_VALUES, SMALL_PARTS, TEXTS } from './hostile-texts.ts';
import { nameOf, type Parameter, type Route } from './routes.ts';
import { type Hints, type Schemas, valuesOf } from './schema-values.ts';

export interface Rubbish {
  /** Its method and path, with names in braces. */
  readonly route: string;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
}

/** Names to call things by. */
export interface Names {
  /** Values of Authorization: of the caller, and of the operator. */
  readonly bearer: string;
  readonly admin: string;
  /** Of the caller: only read and changed, never deleted. */
  readonly own: readonly string[];
  /** Of somebody else, and of nobody. */
  readonly others: readonly string[];
  /** That the operator may do anything to. */
  readonly idle: string;
  readonly schemas: Schemas;
  readonly hints: Hints;
}

/** Where ids are at home, by their first letters. */
const PLACES: Readonly<Record<string, string>> = {
  smp: '/v1/samples/',
  whe: '/v1/webhook-endpoints/',
  whd: '/v1/webhook-deliveries/',
  key: '/v1/keys/',
};

/** Calls of every route, most of them wrong; more of those that read a body, which can be wrong in more ways. */
export function rubbishOf(routes: readonly Route[], names: Names): fc.Arbitrary<Rubbish> {
  return fc.oneof(
    ...routes.map((route) => ({ weight: route.body === null ? 1 : 3, arbitrary: rubbishAt(route, names) })),
  );
}

function rubbishAt(route: Route, names: Names): fc.Arbitrary<Rubbish> {
  const asAdmin = route.forAdmins ? fc.boolean() : fc.constant(false);
  return asAdmin.chain((admin) =>
    fc
      .record({
        method: fc.oneof(
          { weight: 12, arbitrary: fc.constant(route.method) },
          { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
        ),
        path: pathAt(route, names, admin),
        query: queryAt(route, names),
        headers: headers(admin ? names.admin : names.bearer),
        body: route.body === null ? fc.constant(null) : bodyAt(route, names),
        stray: fc.constantFrom(false, false, false, false, true),
      })
      .map(({ method, path, query, headers: sent, body, stray }) => {
        const mayHave = method !== 'GET' && method !== 'HEAD';
        return {
          route: nameOf(route),
          method: spares(names, path) ? (method === 'DELETE' ? 'GET' : method) : method,
          path: path + query,
          headers: sent,
          body: mayHave ? (body ?? (stray ? new Uint8Array([0x7b]) : null)) : null,
        };
      })
      .map((rubbish) => (rubbish.method === 'GET' ? { ...rubbish, body: null } : rubbish)),
  );
}

/** What the caller has must last until the end. */
function spares({ own }: Names, path: string): boolean {
  return own.some((id) => path.includes(id));
}

function bodyAt({ body }: Route, { schemas, hints }: Names): fc.Arbitrary<Uint8Array | null> {
  const spoiled = spoiledBodies(valuesOf(body!, schemas, hints));
  return fc.oneof({ weight: 30, arbitrary: spoiled }, { weight: 1, arbitrary: fc.constant(null) });
}

function pathAt(route: Route, names: Names, admin: boolean): fc.Arbitrary<string> {
  const fitting = names.own.filter((id) => route.path.startsWith(PLACES[id.slice(0, 3)] ?? ' '));
  const ids: readonly string[] = admin
    ? [names.idle]
    : [...names.others, ...names.own, ...Array(12).fill(fitting).flat()];
  const part = (name: string) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...(/id$/.test(name) ? ids : SMALL_PARTS)) },
      { weight: 3, arbitrary: fc.constantFrom(...PARTS) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map(encoded) },
    );
  const parts = route.path
    .split(/(\{\w+\})/)
    .map((text) => (text.startsWith('{') ? part(text.slice(1, -1)) : fc.constant(text)));
  const bent = fc.constantFrom<(path: string) => string>(
    ...Array.from({ length: 16 }, () => (path: string) => path),
    (path) => `${path}/`,
    (path) => `/${path}`,
    (path) => path.replace('/v1/', '/v1//'),
    (path) => path.replace('/v1/', '/v1/./x/../'),
    (path) => path.replace('/v1/', '/V1/'),
    (path) => path.replace('/v1/', '/%761/'),
    (path) => `${path}%2f`,
    (path) => `${path};a`,
    (path) => `${path}/__proto__`,
  );
  return fc.tuple(bent, ...parts).map(([bend, ...texts]) => bend(texts.join('')));
}

function queryAt({ parameters }: Route, { own, others }: Names): fc.Arbitrary<string> {
  const known = parameters.filter((parameter: Parameter) => parameter.in === 'query').map(({ name }) => name);
  const field = fc
    .tuple(
      fc.constantFrom(...known, ...known, ...known, ...QUERY_NAMES),
      fc.constantFrom(...QUERY_VALUES, ...own, ...others),
    )
    .map(([name, value]) => `${name}=${value}`);
  const fields = fc.array(field, { minLength: 1, maxLength: 4 }).map((list) => `?${list.join('&')}`);
  const odd = fc.constantFrom(
    '?',
    '??',
    '?&&&',
    '?=',
    '?#',
    '?a',
    `?${'a=1&'.repeat(1_000)}`,
    '?limit=1&limit=2',
  );
  const plain = fc.constant('');
  return fc.oneof(
    { weight: known.length > 0 ? 2 : 8, arbitrary: plain },
    { weight: 5, arbitrary: fields },
    { weight: 1, arbitrary: odd },
  );
}

function headers(bearer: string): fc.Arbitrary<[string, string][]> {
  const usual: [string, string][] = [
    ['Authorization', bearer],
    ['Content-Type', 'application/json'],
  ];
  const one = fc
    .constantFrom(
      ...Object.keys(HEADERS).filter((name) => name !== 'Authorization' && name !== 'Content-Type'),
    )
    .chain(headerOf);
  const wrong = fc.constantFrom('Authorization', 'Content-Type').chain(headerOf);
  const missing = fc.constantFrom<[string, string] | null>(null);
  return fc
    .tuple(
      fc.array(one, { maxLength: 3 }),
      fc.oneof({ weight: 10, arbitrary: missing }, { weight: 1, arbitrary: wrong }),
      fc.constantFrom(...Array.from({ length: 20 }, () => true), false),
    )
    .map(([some, override, authorized]) => {
      const all = new Map([...(authorized ? usual : usual.slice(1)), ...some]);
      if (override !== null) all.set(...override);
      return [...all];
    });
}

function headerOf(name: string): fc.Arbitrary<[string, string]> {
  const values = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...HEADERS[name]!) },
    { weight: 1, arbitrary: fc.constantFrom(...TEXTS) },
  );
  return values.map((value) => [name, value]);
}

/** As it is where a URL may have it, for the rest as percent and two digits; a surrogate alone as its three bytes. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
