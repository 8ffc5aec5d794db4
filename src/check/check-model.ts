/** One model folder from model.json to a step's cost. */
import { type GraphFile, type ModelManifest, whyNotOffered } from '../models/manifest.ts';
import { signaturesOf } from '../server/signatures.ts';
import { checkIndependence, checkLogProbs, checkSameClassifier } from './answers.ts';
import { measureStep } from './cost.ts';
import { checkFile } from './files.ts';
import { checkGradient } from './gradient-probe.ts';
import { readManifest } from './manifest.ts';
import { type Answer, type Ends, Network } from './network.ts';
import { probeInputs } from './probe-inputs.ts';
import { Findings, type ModelReport, type StepCost } from './report.ts';

export interface CheckOptions {
  /** Threads of one run; by default onnxruntime takes all cores. */
  readonly threads?: number;
}

/** Never throws for a model that is not right: the report says what and where. */
export async function checkModel(folder: string, options: CheckOptions = {}): Promise<ModelReport> {
  const findings = new Findings();
  const manifest = await findings.add(
    'model.json',
    () => readManifest(folder),
    (valid) => {
      const reason = whyNotOffered(valid);
      const note = reason === undefined ? '' : `; the Worker does not offer it: ${reason}`;
      return `valid, manifest_version ${valid.manifest_version}${note}`;
    },
  );
  const costs: StepCost[] = [];
  if (manifest !== undefined) {
    for (const graph of Object.values(manifest.graphs)) if (graph) await checkFiles(folder, graph, findings);
    if (findings.ok) costs.push(...(await checkNetworks(folder, manifest, options, findings)));
  }
  const { ok, all } = findings;
  return { folder, ...(manifest && { id: manifest.id }), ok, findings: all, costs: ok ? costs : [] };
}

async function checkFiles(folder: string, graph: GraphFile, findings: Findings): Promise<void> {
  for (const file of [graph, ...(graph.data ? [graph.data] : [])]) {
    await findings.add(
      file.file,
      () => checkFile(folder, file),
      () => `${file.bytes.toLocaleString('en')} bytes, digest as in model.json`,
    );
  }
}

async function checkNetworks(
  folder: string,
  manifest: ModelManifest,
  { threads }: CheckOptions,
  findings: Findings,
): Promise<StepCost[]> {
  await using open = new AsyncDisposableStack();
  const { diffusion: diffusionEnds, classifier: gradientEnds, guided } = signaturesOf(manifest);
  const load = async (graph: GraphFile | undefined, ends: Ends | null) => {
    if (graph === undefined || ends === null) return undefined;
    const network = await findings.add(
      graph.file,
      () => Network.open(folder, graph, ends, threads),
      () => `takes ${names(ends.inputs)}, gives ${names(ends.outputs)}`,
    );
    return network && open.use(network);
  };
  const { graphs, max_batch_size: largest } = manifest;
  const diffusion = await load(graphs.diffusion, diffusionEnds);
  const gradient = await load(graphs.gradient, gradientEnds);
  const classifier = await load(graphs.classifier, gradientEnds && classifierEnds(gradientEnds, manifest));
  if (!findings.ok || diffusion === undefined) return [];

  const step = guided ?? diffusionEnds;
  const inputsOf = (batch: number) => probeInputs(step.inputs, batch, manifest);
  const answers = (network: Network, name: string) =>
    findings.add(
      name,
      () => answerTwice(network, inputsOf, largest),
      ({ seen }) => seen,
    );

  await answers(diffusion, graphs.diffusion.file);
  if (gradient && graphs.gradient) {
    const answer = await answers(gradient, graphs.gradient.file);
    const logProbs = answer?.many.log_probs;
    const classes = manifest.classes.length;
    if (logProbs) await findings.add('log_probs', () => checkLogProbs(logProbs, classes));
    if (logProbs) await findings.add('gradient', () => checkGradient(gradient, inputsOf(1)));
    if (logProbs && classifier && graphs.classifier) {
      const logits = (await answers(classifier, graphs.classifier.file))?.many.logits;
      if (logits) await findings.add('logits', () => checkSameClassifier(logits, logProbs, classes));
    }
  }
  if (!findings.ok) return [];
  const costs: StepCost[] = [];
  for (const batch of new Set([1, largest])) {
    costs.push(await measureStep({ diffusion, gradient }, step, inputsOf(batch), batch));
  }
  return costs;
}

async function answerTwice(
  network: Network,
  inputsOf: (batch: number) => ReturnType<typeof probeInputs>,
  largest: number,
): Promise<{ many: Answer; seen: string }> {
  const alone = await network.run(inputsOf(1), 1);
  const many = await network.run(inputsOf(largest), largest);
  return { many, seen: `finite; ${checkIndependence(alone, many, largest)}` };
}

/** The gradient graph's ends without the target: x, timestep -> logits. */
function classifierEnds({ inputs }: Ends, { classes }: ModelManifest): Ends {
  return {
    inputs: inputs.filter(({ name }) => name !== 'target'),
    outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, classes.length] }],
  };
}

function names(ends: Ends['inputs']): string {
  return ends.map(({ name }) => name).join(', ');
}
