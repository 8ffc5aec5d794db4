/** `cairn models check`: whether model folders are what their model.json says, and what a step of them costs. */
import { type CheckOptions, checkModel } from './check-model.ts';
import { findModels } from './find-models.ts';
import type { ModelReport } from './report.ts';

export type { CheckOptions } from './check-model.ts';
export type { Finding, ModelReport, StepCost } from './report.ts';
export { reportText } from './text.ts';

/**
 * Checks a model folder, or every model folder in a folder, one after another.
 *
 * @throws {Error} if there is none, or the folder can't be read
 */
export async function* checkModels(folder: string, options: CheckOptions = {}): AsyncGenerator<ModelReport> {
  for (const model of await findModels(folder)) yield await checkModel(model, options);
}
