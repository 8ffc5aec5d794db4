/** A conversion in a process of its own, to be killed: `node convert-process.ts RECIPE CHECKPOINT OUT`. */
import { parseRecipe } from '../../../src/onnx/convert/recipe.ts';
import { convertModel } from '../../../src/onnx/convert.ts';

const [recipe, diffusion, out] = process.argv.slice(2) as [string, string, string];
await convertModel({ recipe: parseRecipe(recipe, 'argument'), diffusion, out, externalFrom: 0 });
