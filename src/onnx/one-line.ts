const LONGEST = 2000;

/**
 * A message with names from a file in it, as one line of readable length: the names may hold anything, and whoever
 * reads logs counts on one line for one error.
 */
export function oneLine(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
}
