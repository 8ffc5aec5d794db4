/** Where Cairn's own files lie: the CLI works from any current folder. */
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json, wrangler.toml and src, with a slash at its end. */
export const projectRoot: string = fileURLToPath(new URL('../../../', import.meta.url));
