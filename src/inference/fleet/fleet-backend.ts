/** Several inference servers as one backend: a step that one fails to take goes to another at once. */
import type { ModelManifest } from '../../models/manifest.ts';
import {
  BackendError,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRequest,
  type InferenceBackend,
} from '../backend.ts';
import { type PreparedRequest, prepare } from '../prepare.ts';
import { RemoteBackend } from '../remote/remote-backend.ts';
import { choose } from './choose.ts';
import type { BackendSettings } from './configuration.ts';
import { InFlight } from './in-flight.ts';
import { Route } from './route.ts';
import { type Refusal, verdict } from './verdict.ts';

/** Backends that one evaluation asks at most, each up to its deadline; after that the job's own back-off paces it. */
const MAX_ATTEMPTS = 3;
/** So many backends that refuse the same request, and it is the request. */
const REJECTIONS = 2;

export interface FleetOptions {
  readonly backends: readonly BackendSettings[];
  readonly findModel: (id: string) => ModelManifest | null;
  /** Uniform in [0, 1). Default Math.random: it decides who computes a step, never what. */
  readonly random?: () => number;
  /** Takes one line for operators: ejections and returns. Default: a warning in the log. */
  readonly log?: (line: string) => void;
}

/** One server: its client, and what is under way there. */
interface Member {
  readonly settings: BackendSettings;
  readonly client: RemoteBackend;
  readonly inFlight: InFlight;
}

interface Failure {
  readonly route: Route;
  readonly error: BackendError;
}

/**
 * It keeps what it has learned of its servers (latencies, load, health) in memory, as plain numbers: one for each
 * isolate, shared by all its durable objects, gone with it.
 */
export class FleetBackend implements InferenceBackend {
  readonly name = 'remote';
  readonly remote = true;
  readonly #findModel: FleetOptions['findModel'];
  readonly #random: () => number;
  readonly #log: (line: string) => void;
  readonly #members: readonly Member[];
  /** By model id, in the order of the configuration. */
  readonly #routes = new Map<string, readonly Route[]>();

  constructor({ backends, findModel, random = Math.random, log = console.warn }: FleetOptions) {
    this.#findModel = findModel;
    this.#random = random;
    this.#log = log;
    this.#members = backends.map((settings) => ({
      settings,
      client: new RemoteBackend({ ...settings, findModel }),
      inFlight: new InFlight(),
    }));
  }

  async evaluate(request: EvaluationRequest, options: EvaluateOptions = {}): Promise<Evaluation> {
    const prepared = prepare(request, this.#findModel);
    const routes = this.#routesTo(request.model);
    const failures: Failure[] = [];
    for (;;) {
      const route = isOver(failures) ? null : this.#next(routes, failures, request.shape[0]);
      if (route === null) throw verdict(refusals(routes, failures), Date.now());
      try {
        const answer = route.take(prepared, options);
        probeDue(routes, prepared);
        const evaluation = await answer;
        for (const { route: other, error } of failures) if (error.kind === 'rejected') other.wasAlone(error);
        return { ...evaluation, backend: route.backend, tries: failures.length + 1 };
      } catch (error) {
        if (!(error instanceof BackendError) || error.kind === 'aborted') throw error;
        failures.push({ route, error });
      }
    }
  }

  #next(routes: readonly Route[], failures: readonly Failure[], images: number): Route | null {
    const left = routes.filter((route) => failures.every((failure) => failure.route !== route));
    return choose(left, images, Date.now(), this.#random);
  }

  /** @throws {BackendError} `unknown_model` if no backend is configured for it */
  #routesTo(model: string): readonly Route[] {
    const known = this.#routes.get(model);
    if (known !== undefined) return known;
    const routes = this.#members
      .filter(({ settings }) => settings.models?.includes(model) ?? true)
      .map(
        ({ settings, ...member }) =>
          new Route({ ...settings, ...member, model, log: this.#log, random: this.#random }),
      );
    if (routes.length === 0) {
      const names = this.#members.map(({ settings }) => settings.name).join(', ');
      throw new BackendError(
        'unknown_model',
        `no backend is configured for model "${model}": there is ${names}`,
      );
    }
    this.#routes.set(model, routes);
    return routes;
  }
}

function isOver(failures: readonly Failure[]): boolean {
  return failures.length >= MAX_ATTEMPTS || rejections(failures).length >= REJECTIONS;
}

function rejections(failures: readonly Failure[]): Failure[] {
  return failures.filter(({ error }) => error.kind === 'rejected');
}

/** Beside the step under way; nobody waits for the answers. */
function probeDue(routes: readonly Route[], prepared: PreparedRequest): void {
  const now = Date.now();
  for (const route of routes) if (route.health.standing(now) === 'due') void route.probe(prepared);
}

/** Why each backend did not take the step: what it said just now, or what it was ejected for. */
function refusals(routes: readonly Route[], failures: readonly Failure[]): Refusal[] {
  const rejected = rejections(failures);
  if (rejected.length >= REJECTIONS) return rejected.map(({ route, error }) => refusal(route, error));
  return routes.map((route) => {
    const failure = failures.find((other) => other.route === route);
    return refusal(route, failure?.error ?? route.health.error ?? notAsked());
  });
}

function refusal(route: Route, error: BackendError): Refusal {
  const now = Date.now();
  const held = route.health.standing(now) === 'held';
  return { backend: route.backend, error, heldUntil: held ? route.health.until : null };
}

function notAsked(): BackendError {
  return new BackendError('unavailable', 'not asked any more');
}
