/** Prometheus' text format, as far as a server's own /metrics use it. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Labels come in any order; in their values \\, \" and \n are escaped. */
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?\s*/gy;
const ESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

/** @throws {Error} with the line that is no sample */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value] = LINE.exec(line.trim()) ?? [];
    if (name === undefined) throw new Error(`not Prometheus' text format: ${line.slice(0, 100)}`);
    samples.push({ name, labels: parseLabels(labels, line), value: parseValue(value!) });
  }
  return samples;
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    labels[match[1]!] = match[2]!.replace(/\\[\\"n]/g, (code) => ESCAPES[code]!);
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw new Error(`not Prometheus' text format: ${line.slice(0, 100)}`);
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
