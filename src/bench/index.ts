/** `cairn bench`: what Cairn costs over what it stands on, as ratios taken in one run. */
import { loadavg } from 'node:os';
import { describeMachine } from './machine.ts';
import type { Measurement, MeasureOptions } from './measurement.ts';
import { measurements } from './measurements/index.ts';
import type { Report, Section } from './report.ts';

export { cellsOf, HEADINGS } from './format.ts';
export { markdownReport, type Report, type Section } from './report.ts';
export { terminalTable } from './table.ts';

export const measurementNames: readonly string[] = measurements.map(({ name }) => name);

export interface BenchOptions {
  /** Fewer rounds. */
  readonly quick: boolean;
  /** Only the measurement of this name. */
  readonly only?: string | undefined;
  /** Says which measurement is under way, and where in it. */
  readonly onProgress: (what: string) => void;
  /** Called as soon as a measurement is done. */
  readonly onSection: (section: Section) => void;
}

/** Takes the measurements one after another; nothing else of Cairn runs meanwhile. */
export async function runBench({ quick, only, onProgress, onSection }: BenchOptions): Promise<Report> {
  const before = load();
  let highest = before;
  const sections: Section[] = [];
  for (const measurement of measurements) {
    if (only !== undefined && measurement.name !== only) continue;
    const section = await measure(measurement, {
      quick,
      onProgress: (what) => onProgress(`${measurement.name}: ${what}`),
    });
    sections.push(section);
    highest = Math.max(highest, load());
    onSection(section);
  }
  const date = new Date().toISOString().slice(0, 10);
  return { date, machine: await describeMachine(), load: { before, highest }, sections };
}

/** Mean over the last minute of the processes that run or want to. */
function load(): number {
  return loadavg()[0]!;
}

/** A measurement that fails takes nothing with it: its section says why. */
export async function measure(
  measurement: Measurement,
  options: Omit<MeasureOptions, 'onNote'>,
): Promise<Section> {
  const { name, title, method } = measurement;
  const notes: string[] = [];
  const section = { name, title, method, notes };
  try {
    const rows = await measurement.run({ ...options, onNote: (line) => notes.push(line) });
    return { ...section, rows, failure: null };
  } catch (error) {
    return { ...section, rows: [], failure: error instanceof Error ? error.message : String(error) };
  }
}
