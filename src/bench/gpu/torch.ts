/** The same step in eager PyTorch (torch_step.py), if there is a Python that has it. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Recipe } from '../../onnx/convert/recipe.ts';
import type { Clock } from './clock.ts';
import type { Dtype, Point } from './results.ts';

export interface TorchJob {
  readonly recipe: Recipe;
  readonly dtype: Dtype;
  /** Paths of the safetensors files. */
  readonly weights: { readonly diffusion: string; readonly classifier: string };
  readonly batches: readonly number[];
  readonly seconds: number;
  readonly repeats: number;
  /** On the CPU even if there is a GPU. */
  readonly cpu: boolean;
}

export interface TorchRun {
  /** Version and device. */
  readonly torch: string | null;
  readonly points: readonly Point[];
  readonly error?: string;
}

interface Line {
  readonly torch?: string;
  readonly device?: string;
  readonly batch?: number;
  readonly times?: number[];
  readonly answers?: { output: number[]; gradient: number[] };
  readonly error?: string;
}

/** Never throws: what was measured before it went wrong is kept. */
export async function runTorch(python: string, job: TorchJob, clock: Clock): Promise<TorchRun> {
  const { lines, error } = await ask(python, job, false, clock);
  const points = lines.flatMap(({ batch, times }) => (batch && times ? [{ batch, times }] : []));
  return { torch: versionOf(lines), points, ...(error !== undefined && { error }) };
}

/** @throws {Error} if PyTorch gives no answer */
export async function torchAnswers(
  python: string,
  job: TorchJob,
  clock: Clock,
): Promise<{ output: number[]; gradient: number[] }> {
  const { lines, error } = await ask(python, job, true, clock);
  const answers = lines.find((line) => line.answers)?.answers;
  if (answers === undefined) throw new Error(error ?? 'no answer');
  return answers;
}

function versionOf(lines: readonly Line[]): string | null {
  const head = lines.find((line) => line.torch !== undefined);
  return head === undefined ? null : `PyTorch ${head.torch} on ${head.device}`;
}

async function ask(
  python: string,
  { recipe, dtype, weights, batches, seconds, repeats, cpu }: TorchJob,
  answers: boolean,
  clock: Clock,
): Promise<{ lines: Line[]; error?: string }> {
  const { diffusion, classifier } = recipe.architecture;
  const script = fileURLToPath(new URL('torch_step.py', import.meta.url));
  const child = spawn(python, [script], { signal: clock.signal(), killSignal: 'SIGKILL' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) =>
      resolve(code === 0 ? undefined : (lastLine(said) ?? `it ended with ${code}`)),
    );
  });
  child.stdin.on('error', () => {}); // told by the end of the process
  child.stdin.end(
    `${JSON.stringify({
      ...{ dtype, batches, seconds, repeats, cpu, answers },
      image_size: diffusion.image_size,
      channels: diffusion.in_channels,
      classes: recipe.classes.length,
      conditional: diffusion.num_classes !== undefined,
      unet: { options: diffusion, weights: weights.diffusion },
      classifier: { options: classifier, weights: weights.classifier },
    })}\n`,
  );
  const lines: Line[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line) as Line);
  const error = (await ended) ?? lines.find((line) => line.error !== undefined)?.error;
  return { lines, ...(error !== undefined && { error }) };
}

function lastLine(text: string): string | undefined {
  return text.split('\n').filter(Boolean).at(-1);
}
