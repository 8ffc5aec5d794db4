/** Bearer tokens. Several are valid at a time, so that one can be replaced without a moment when none fits. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Log } from '../log/log.ts';
import { watchFiles } from './watch-files.ts';

export interface TokenCheck {
  accepts(token: string): boolean;
}

/** The tokens given at the start, and those of a file as it is now. */
export interface TokenSource {
  readonly tokens: readonly string[];
  readonly file: string | undefined;
}

export interface WatchedTokens extends TokenCheck {
  /** Stops watching the file. */
  close(): void;
}

/**
 * @returns null if neither a token nor a file is given: the server is open to all
 * @throws {Error} if a token is none, or the file can't be read or has none
 */
export function watchTokens({ tokens, file }: TokenSource, log: Log): WatchedTokens | null {
  for (const [i, token] of tokens.entries()) checkToken(token, `token ${i + 1}`);
  if (file === undefined) {
    return tokens.length === 0 ? null : withClose(new TokenSet(tokens), () => {});
  }
  const read = () => new TokenSet([...tokens, ...readTokenFile(file)]);
  let current = read();
  const stop = watchFiles([file], () => {
    try {
      current = read();
      log.info('read the tokens again', { file });
    } catch (error) {
      // The old ones stay: a file that is just being written must not lock everybody out.
      log.error('kept the old tokens', { file, reason: reasonOf(error) });
    }
  });
  return withClose({ accepts: (token) => current.accepts(token) }, stop);
}

function withClose(check: TokenCheck, close: () => void): WatchedTokens {
  return { accepts: (token) => check.accepts(token), close };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class TokenSet implements TokenCheck {
  readonly #digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digest);
  }

  /** Takes the same time whichever tokens there are and however near this one comes to them. */
  accepts(token: string): boolean {
    const given = digest(token);
    let found = false;
    for (const known of this.#digests) found = timingSafeEqual(known, given) || found;
    return found;
  }
}

/**
 * One token a line; empty lines and lines that begin with # are left out.
 *
 * @throws {Error} if the file can't be read, has no token, or a line is none
 */
export function readTokenFile(path: string): string[] {
  const tokens: string[] = [];
  for (const [i, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const token = line.trim();
    if (token === '' || token.startsWith('#')) continue;
    checkToken(token, `${path}, line ${i + 1}`);
    tokens.push(token);
  }
  if (tokens.length === 0) throw new Error(`${path} has no token; expected one a line`);
  return tokens;
}

/** @throws {Error} for what no Authorization header can carry (RFC 6750, 2.1) */
export function checkToken(token: string, where: string): void {
  if (/^[\w.~+/-]+=*$/.test(token)) return;
  throw new Error(`${where}: a token has only letters, digits and -._~+/, then perhaps =`);
}

/** Of one length, as the comparison needs. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
