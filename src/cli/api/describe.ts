/** Samples as text. */
import type { SampleResponse, SampleSummary } from '../../client/index.ts';
import { formatProgress } from '../demo/progress.ts';

/** A few lines: what it is, how far it is, where its outputs are. */
export function describeSample(sample: SampleResponse): string {
  const { id, status, request, images, forked_from, replay, error, created_at, finished_at, grid } = sample;
  const count = sample.more_images == null ? images.length : request.count;
  const scale =
    typeof request.guidance_scale === 'number'
      ? request.guidance_scale
      : JSON.stringify(request.guidance_scale);
  const rows: [string, string | null][] = [
    ['model', `${request.model} (${request.sampler}, guidance scale ${scale}, seed ${request.seed})`],
    ['images', `${count} of ${classesOf(sample)}`],
    ['progress', formatProgress(sample)],
    ['created', created_at],
    ['finished', finished_at],
    ['fork of', forked_from == null ? null : `${forked_from.id}, from its step ${forked_from.step} on`],
    ['replay of', replay == null ? null : describeReplay(replay)],
    ['error', error === null ? null : `${error.code}: ${error.message}`],
    ['grid', grid],
  ];
  return describe(`${id}  ${status}`, rows);
}

type Replay = NonNullable<SampleResponse['replay']>;

const NAME_WIDTH = 9;

/** A line that says what it is, and one for each row that has something to say; values may be of several lines. */
export function describe(title: string, rows: readonly (readonly [string, string | null])[]): string {
  const indent = ' '.repeat(NAME_WIDTH + 3);
  const lines = rows.flatMap(([name, value]) =>
    value === null ? [] : [`  ${name.padEnd(NAME_WIDTH)} ${value.replaceAll('\n', `\n${indent}`)}`],
  );
  return [title, ...lines].join('\n');
}

/** Which sample was drawn again, and whether it came out the same. */
function describeReplay({ of, equal, images, differing, notes }: Replay): string {
  const outcome = {
    null: 'not compared yet',
    true: `equal: ${images} of ${images} final tensors have its digests`,
    false: `not equal: images ${differing.join(', ')} differ`,
  }[String(equal) as 'null' | 'true' | 'false'];
  return [`${of}, ${outcome}`, ...notes].join('\n');
}

function classesOf({ images, request }: SampleResponse): string {
  if (request.labels === 'random') return 'random classes';
  const names = images.map((image) => image.class_name ?? image.class ?? 'none');
  return `class ${[...new Set(names)].join(' ')}`;
}

/** One line each, newest first. */
export function describeList(samples: readonly SampleSummary[]): string {
  if (samples.length === 0) return 'No sample.';
  const rows = samples.map(({ id, status, model, count, steps, created_at }) => [
    id,
    status,
    model,
    `${count} x ${steps} steps`,
    created_at,
  ]);
  return table([['SAMPLE', 'STATUS', 'MODEL', 'IMAGES', 'CREATED'], ...rows]);
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Whether there is such a time, and it is still to come. */
export function isAhead(time: string | null): boolean {
  return time !== null && Date.parse(time) > Date.now();
}
