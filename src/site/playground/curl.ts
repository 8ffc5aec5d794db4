/** Requests as lines for a shell. The key stays out of them: they are made to be passed on. */

/**
 * @param url absolute
 * @param body goes as JSON
 */
export function curlOf(url: string, body: unknown): string {
  return [
    `curl ${quote(url)}`,
    `  -H "Authorization: Bearer $CAIRN_API_KEY"`,
    `  -H 'Content-Type: application/json'`,
    `  -d ${quote(JSON.stringify(body))}`,
  ].join(' \\\n');
}

/** For a POSIX shell: nothing inside single quotes is special but the quote itself. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
