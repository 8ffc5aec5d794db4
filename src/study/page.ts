/** The parts of a page that the study writes, between marks that stay: `<!-- study NAME -->` to `<!-- /study -->`. */

/** @throws {Error} if the page has no such part */
export function replacePart(page: string, name: string, text: string): string {
  const begin = `<!-- study ${name} -->`;
  const end = '<!-- /study -->';
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the page has no "${begin}" with "${end}" after it`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}
