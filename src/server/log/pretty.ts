/** A line of JSON as a line for people: `19:20:11.042 warn refused models/a reason="..."`. */
export function prettyLine(json: string): string {
  const { time, level, message, error, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(value)}`);
  const stack = typeof error === 'object' && error !== null && 'stack' in error ? `\n${error.stack}` : '';
  return `${clock} ${level === 'info' ? '' : `${level} `}${message}${pairs.join('')}${stack}\n`;
}

function plain(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/+-]+$/.test(value) ? value : JSON.stringify(value);
}
