/**
 * What a model folder is called on the wire. One folder gives up to three models, each with one fixed signature, so
 * that any server of the protocol can host them:
 *
 * | name                 | inputs                                  | outputs                     |
 * | -------------------- | --------------------------------------- | --------------------------- |
 * | `<model>`            | x, timestep, label (if conditional)     | output                      |
 * | `<model>-classifier` | x, timestep, target                     | gradient, log_probs         |
 * | `<model>-guided`     | x, timestep, label (if conditional), target | output, gradient, log_probs |
 *
 * x `[N, C, H, W]` FP32, timestep `[N]` FP32, label `[N]` INT32, target `[N, K]` FP32, output
 * `[N, outputChannels, H, W]` FP32, gradient `[N, C, H, W]` FP32, log_probs `[N, K]` FP32. `<model>-guided` exists so
 * that a guided step uploads x_t once and costs one round trip. A caller who only wants class probabilities asks
 * `<model>-classifier` for log_probs with any target.
 */
export const wireName = {
  diffusion: (model: string) => model,
  classifier: (model: string) => `${model}-classifier`,
  guided: (model: string) => `${model}-guided`,
} as const;
