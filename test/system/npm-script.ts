/** Runs a script of package.json as npm does, as the leader of a process group of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import packageJson from '../../package.json' with { type: 'json' };
import { projectRoot } from '../../src/cli/local/project.ts';
import { killGroup, survivorsOfGroup } from './process-group.ts';

export interface RunningScript {
  /** The group's id, and its leader's. */
  readonly group: number;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** The first match of a pattern in a line of stdout. @throws {Error} with the output if the script ends before */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Only the leader, with any signal. */
  signal(signal: NodeJS.Signals): void;
  /** Every process of the group, as a terminal does on Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void;
  /** SIGKILL to the whole group at once; resolves when its leader is gone. */
  kill(): Promise<void>;
  /** Exit code of the leader; null if a signal ended it. */
  exit(): Promise<number | null>;
  /** Processes of the group that are still there after everything had time to end. */
  survivors(): Promise<number[]>;
}

const started = new Map<number, () => string>();

export function runScript(
  name: keyof typeof packageJson.scripts,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningScript {
  // npm puts node_modules/.bin first, so that scripts run on the pinned node.
  const path = `${join(projectRoot, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
  // exec: the group's leader is node itself, as it is under a shell that replaces itself for the last command.
  const child = spawn('/bin/sh', ['-c', `exec ${packageJson.scripts[name]} "$@"`, name, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env, PATH: path },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const group = child.pid!;
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const lines = collect(child);
  started.set(group, () => lines.all.join('\n'));
  return {
    group,
    output: () => lines.all.join('\n'),
    line: (pattern) => lines.find(pattern, exited),
    signal: (signal) => child.kill(signal),
    signalGroup: (signal) => process.kill(-group, signal),
    kill: async () => {
      killGroup(group);
      await exited;
    },
    exit: () => exited,
    survivors: () => survivorsOfGroup(group),
  };
}

/** What every script since the last {@link killStartedScripts} wrote: for a test that failed. */
export function outputOfStartedScripts(): string {
  return [...started].map(([group, output]) => `--- ${group}\n${output()}`).join('\n');
}

/** Ends whatever a failed test has left running. */
export function killStartedScripts(): void {
  for (const group of started.keys()) killGroup(group);
  started.clear();
}

function collect(child: ChildProcess) {
  const all: string[] = [];
  let wake = Promise.withResolvers<void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface(stream).on('line', (line) => {
      all.push(line);
      wake.resolve();
      wake = Promise.withResolvers();
    });
  }
  const find = async (pattern: RegExp, exited: Promise<unknown>): Promise<RegExpExecArray> => {
    let over = false;
    exited.then(() => {
      over = true;
    });
    for (let next = 0; ; ) {
      for (; next < all.length; next++) {
        const match = pattern.exec(all[next]!);
        if (match !== null) return match;
      }
      if (over) throw new Error(`the script ended without ${pattern}:\n${all.join('\n')}`);
      await Promise.race([wake.promise, exited]);
    }
  };
  return { all, find };
}
