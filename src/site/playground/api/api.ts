/** The calls of the page, on the origin that served it. Each throws {@link CairnError} for an unsuccessful answer. */

import { errorOf } from '../../../client/error.ts';
import type { ModelResponse, SampleRequest } from '../../../client/index.ts';
import type { TrajectoryResponse } from '../../../functions/schemas/trajectory.ts';
import type { ForkRequest, Patch, Sample } from './types.ts';

export class Api {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  async models(): Promise<ModelResponse[]> {
    const { models } = await this.#call<{ models: ModelResponse[] }>('GET', '/v1/models');
    return models;
  }

  create(request: SampleRequest): Promise<Sample> {
    return this.#call('POST', '/v1/samples', request);
  }

  read(id: string): Promise<Sample> {
    return this.#call('GET', pathOf(id));
  }

  act(id: string, action: 'pause' | 'resume' | 'cancel'): Promise<Sample> {
    return this.#call('POST', `${pathOf(id)}/${action}`);
  }

  patch(id: string, patch: Patch): Promise<Sample> {
    return this.#call('PATCH', pathOf(id), patch);
  }

  fork(id: string, request: ForkRequest): Promise<Sample> {
    return this.#call('POST', forkPath(id), request);
  }

  async trajectory(id: string): Promise<TrajectoryResponse['steps']> {
    const { steps } = await this.#call<TrajectoryResponse>('GET', `${pathOf(id)}/trajectory`);
    return steps;
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw await errorOf(response);
    return (await response.json()) as T;
  }
}

export function forkPath(id: string): string {
  return `${pathOf(id)}/fork`;
}

function pathOf(id: string): string {
  return `/v1/samples/${encodeURIComponent(id)}`;
}
