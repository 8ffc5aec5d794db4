/** The system's Chromium, driven by playwright-core, which brings none of its own. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium() });
}

/** @throws {Error} saying how to get one */
async function findChromium(): Promise<string> {
  const named = process.env.CHROMIUM;
  if (named !== undefined && named !== '') return named;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  throw new Error(
    `the tests of the page need Chromium: none of ${NAMES.join(', ')} is in PATH. ` +
      'On Debian: apt-get install chromium. Elsewhere name its executable in the variable CHROMIUM.',
  );
}
