/** What the API's description calls its operations, and how it groups them. */

/** In the order in which the reference page shows them. */
export const TAGS = [
  { name: 'Samples', description: 'Draw images, and steer what is under way.' },
  { name: 'Watching', description: 'What happens to a sample, as it happens.' },
  { name: 'Outputs', description: 'Pictures, tensors and kept steps.' },
  {
    name: 'Webhooks',
    description: 'Endpoints that are told when samples end, and what was delivered to them.',
  },
  { name: 'Models', description: 'What can be sampled.' },
  { name: 'Keys', description: 'API keys of an account.' },
  { name: 'Accounts', description: 'For the operator.' },
  { name: 'Service', description: 'The deployment itself.' },
] as const;

export type Tag = (typeof TAGS)[number]['name'];

/** The first that matches a path decides. */
const TAG_OF_PATHS: readonly (readonly [RegExp, Tag])[] = [
  [/^\/v1\/samples\/\{id\}\/(events|watch)/, 'Watching'],
  [/^\/v1\/samples\/\{id\}\/(images|trajectory|[^/]+\.)/, 'Outputs'],
  [/^\/v1\/(samples|inversions|interpolations)/, 'Samples'],
  [/^\/v1\/webhook/, 'Webhooks'],
  [/^\/v1\/models/, 'Models'],
  [/^\/v1\/keys/, 'Keys'],
  [/^\/v1\/(accounts?|usage|quota|limits)/, 'Accounts'],
];

/** @param path as OpenAPI writes it: `/v1/samples/{id}` */
export function tagOf(path: string): Tag {
  return TAG_OF_PATHS.find(([pattern]) => pattern.test(path))?.[1] ?? 'Service';
}

/** Where the rule below would not say it as a person would. */
const NAMED: Readonly<Record<string, string>> = {
  'patch /v1/samples/{id}': 'patchSample',
  'post /v1/samples/{id}/retention': 'extendSampleRetention',
  'get /v1/samples/{id}/events': 'watchSample',
  'get /v1/samples/{id}/images': 'listSampleImages',
  'get /v1/samples/{id}/images/{image}': 'getSampleImage',
  'get /v1/samples/{id}/trajectory/{step}/{what}/{image}': 'getTrajectoryImage',
  'get /v1/samples/{id}/samples.npz': 'getSampleNpz',
  'post /v1/webhook-endpoints/{id}/rotate-secret': 'rotateWebhookEndpointSecret',
  'post /v1/webhook-deliveries/redeliver': 'redeliverWebhookDeliveries',
  'delete /v1/keys/{id}': 'revokeKey',
};

const VERBS: Readonly<Record<string, string>> = { get: 'get', put: 'put', patch: 'update', delete: 'delete' };

/**
 * A name that reads well as a method of a generated client: `listSamples`, `createSample`, `cancelSample`,
 * `getSampleGrid`.
 *
 * @param method in lower case
 * @param path as OpenAPI writes it
 */
export function operationIdOf(method: string, path: string): string {
  const named = NAMED[`${method} ${path}`];
  if (named !== undefined) return named;
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== 'v1');
  const words = segments.filter((segment) => !segment.startsWith('{'));
  const ofOne = segments.map((segment, i) =>
    segments[i + 1]?.startsWith('{') === true ? singular(segment) : segment,
  );
  const names = ofOne.filter((segment) => !segment.startsWith('{')).map(pascal);
  if (method === 'post') return postName(segments, words, names);
  if (method === 'get' && segments.length === 1 && words[0]!.endsWith('s')) return `list${pascal(words[0]!)}`;
  return VERBS[method] + names.join('');
}

/** Posted to a collection, it makes one; any other last word says what is done. */
function postName(segments: readonly string[], words: readonly string[], names: readonly string[]): string {
  if (segments.length === 1) return `create${pascal(singular(words[0]!))}`;
  const action = camel(words.at(-1)!);
  return action + names.slice(0, -1).join('');
}

function singular(word: string): string {
  return word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.replace(/s$/, '');
}

/** `webhook-endpoints` to `WebhookEndpoints`, `grid.png` to `Grid`. */
function pascal(word: string): string {
  return word
    .replace(/\.\w+$/, '')
    .split(/[-_]/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

function camel(word: string): string {
  const name = pascal(word);
  return name.charAt(0).toLowerCase() + name.slice(1);
}
