/** Certificate and key from files, read again when they change: certificates live for weeks, servers for months. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:tls';
import { watchFiles } from './watch-files.ts';

export interface TlsFiles {
  /** PEM: the certificate, then those of its issuers. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

/** @throws {Error} if a file can't be read or is none, or the two do not belong together */
export function readTls({ cert, key }: TlsFiles): { cert: Buffer; key: Buffer } {
  const pair = { cert: readFileSync(cert), key: readFileSync(key) };
  const certificate = parse(cert, 'certificate', () => new X509Certificate(pair.cert));
  const privateKey = parse(key, 'private key', () => createPrivateKey(pair.key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`the private key ${key} is not that of the certificate ${cert}`);
  }
  return pair;
}

/**
 * New connections get the new certificate; a pair that is none, for instance because only one of its files has been
 * replaced so far, changes nothing.
 *
 * @returns what ends it
 */
export function watchTls(
  server: Server,
  files: TlsFiles,
  events: { tlsReloaded(): void; tlsRefused(reason: string): void },
): () => void {
  if (!(server instanceof TlsServer)) throw new TypeError('expected a TLS server');
  return watchFiles([files.cert, files.key], () => {
    try {
      server.setSecureContext(readTls(files));
      events.tlsReloaded();
    } catch (error) {
      events.tlsRefused(error instanceof Error ? error.message : String(error));
    }
  });
}

function parse<T>(path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${path} is no ${what} in PEM: ${error instanceof Error ? error.message : error}`);
  }
}
