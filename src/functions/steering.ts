/** Classes and guidance of a request, held against the model. */
import { type GuidanceSchedule, guidesAnywhere } from '../core/index.ts';
import type { ClassCount } from '../durable/labels.ts';
import type { Classes, ClassTarget } from '../durable/spec.ts';
import type { ModelManifest } from '../models/manifest.ts';
import { MAX_COUNT } from './limits.ts';
import { fieldProblem, pointerOf } from './problem.ts';
import type { ClassTargetRequest, GuidanceRequest, LabelsRequest } from './schemas/steering.ts';

export interface ClassFields {
  readonly class?: ClassTargetRequest | undefined;
  readonly classes?: readonly ClassTargetRequest[] | undefined;
}

/**
 * @returns class indices or weights by index; null if the request names no class
 * @throws {Problem} naming the field
 */
export function resolveTargets(request: ClassFields, manifest: ModelManifest): ClassTarget[] | null {
  if (request.class !== undefined && request.classes !== undefined) {
    throw fieldProblem('invalid-request', '/classes', 'give either class or classes, not both');
  }
  if (request.class !== undefined) return [resolveTarget(request.class, manifest, '/class')];
  return request.classes?.map((target, i) => resolveTarget(target, manifest, `/classes/${i}`)) ?? null;
}

/**
 * Every way to say what the images are of.
 *
 * @returns null if the request names no class
 * @throws {Problem} naming the field
 */
export function resolveClasses(
  { labels, ...fields }: ClassFields & { readonly labels?: LabelsRequest | undefined },
  manifest: ModelManifest,
): Classes | null {
  if (labels === undefined) return resolveTargets(fields, manifest);
  const other = (['class', 'classes'] as const).find((field) => fields[field] !== undefined);
  if (other !== undefined) {
    throw fieldProblem('invalid-request', '/labels', `give either ${other} or labels, not both`);
  }
  if (labels !== 'random') return { type: 'counts', counts: resolveCounts(labels, manifest) };
  if (manifest.classes.length > 0) return { type: 'random', classes: manifest.classes.length };
  throw fieldProblem('invalid-request', '/labels', `model ${manifest.id} has no classes`);
}

/** How many images the request is for, if its classes say so. */
export function imagesNamedBy(classes: Classes | null): number | null {
  if (classes === null) return null;
  if (!('type' in classes)) return classes.length;
  if (classes.type === 'random') return null;
  return classes.counts.reduce((sum, { images }) => sum + images, 0);
}

function resolveCounts(counts: Readonly<Record<string, number>>, manifest: ModelManifest): ClassCount[] {
  const byClass = new Map<number, number>();
  for (const [label, images] of Object.entries(counts)) {
    const place = pointerOf(['labels', label]);
    const index = classIndex(labelOf(label, manifest), manifest, place);
    if (byClass.has(index)) {
      throw fieldProblem('invalid-request', place, `class ${index} has a number of images already`);
    }
    byClass.set(index, images);
  }
  const total = [...byClass.values()].reduce((sum, images) => sum + images, 0);
  if (total > MAX_COUNT) {
    throw fieldProblem('limit-exceeded', '/labels', `${total} images; at most ${MAX_COUNT} fit in one job`);
  }
  return [...byClass].sort(([a], [b]) => a - b).map(([label, images]) => ({ label, images }));
}

/**
 * @param numSteps of the job: a list has to have as many scales
 * @throws {Problem} naming the field
 */
export function resolveGuidance(
  guidance: GuidanceRequest,
  manifest: ModelManifest,
  numSteps: number,
): GuidanceSchedule {
  if (guidesAnywhere(guidance) && manifest.graphs.gradient === undefined) {
    throw fieldProblem(
      'invalid-request',
      '/guidance_scale',
      `model ${manifest.id} has no classifier; only 0 is possible`,
    );
  }
  if (typeof guidance === 'number') return guidance;
  if (guidance.type === 'list' && guidance.scales.length !== numSteps) {
    const detail = `expected one for each of the ${numSteps} steps, got ${guidance.scales.length}`;
    throw fieldProblem('invalid-request', '/guidance_scale/scales', detail);
  }
  if (guidance.type === 'interval') {
    const last = manifest.diffusion.steps - 1;
    if (guidance.from > last) {
      throw fieldProblem('invalid-request', '/guidance_scale/from', `the noisiest timestep is ${last}`);
    }
    if (guidance.to > guidance.from) {
      throw fieldProblem('invalid-request', '/guidance_scale/to', 'expected at most from');
    }
  }
  return guidance;
}

function resolveTarget(target: ClassTargetRequest, manifest: ModelManifest, pointer: string): ClassTarget {
  if (typeof target !== 'object') return classIndex(target, manifest, pointer);
  if (manifest.class_conditional) {
    const detail = `model ${manifest.id} takes one class itself; weights are for models that only guidance gives a class`;
    throw fieldProblem('invalid-request', pointer, detail);
  }
  const weights: Record<number, number> = {};
  for (const [label, weight] of Object.entries(target)) {
    const place = pointer + pointerOf([label]);
    const index = classIndex(labelOf(label, manifest), manifest, place);
    if (Object.hasOwn(weights, index)) {
      throw fieldProblem('invalid-request', place, `class ${index} has a weight already`);
    }
    weights[index] = weight;
  }
  return weights;
}

/** Keys of an object are text: a name if there is one, else a number. */
function labelOf(key: string, manifest: ModelManifest): number | string {
  return !manifest.classes.includes(key) && /^(0|[1-9]\d{0,8})$/.test(key) ? Number(key) : key;
}

function classIndex(label: number | string, manifest: ModelManifest, pointer: string): number {
  const index = typeof label === 'number' ? label : manifest.classes.indexOf(label);
  if (index >= 0 && index < manifest.classes.length) return index;
  const expected = `an index from 0 to ${manifest.classes.length - 1} or a name that /v1/models/${manifest.id} lists`;
  throw fieldProblem(
    'class-out-of-range',
    pointer,
    `${JSON.stringify(label)} is no class of ${manifest.id}; expected ${expected}`,
  );
}
