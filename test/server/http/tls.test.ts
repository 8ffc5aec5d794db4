import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readTls } from '../../../src/server/http/tls.ts';
import { serveDouble } from '../serve-double.ts';

/** Certificates for nobody, valid for a hundred years. */
const fixture = (name: string) => join(import.meta.dirname, '../../fixtures/server', name);

let dir: string;
let files: { cert: string; key: string };
let double: Awaited<ReturnType<typeof serveDouble>>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cairn-tls-'));
  files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  await install('a');
  double = await serveDouble(async () => 1, { tls: files });
});

afterEach(async () => {
  await double.listener.close(0);
  await rm(dir, { recursive: true });
});

async function install(name: 'a' | 'b'): Promise<void> {
  await copyFile(fixture(`${name}.key.pem`), files.key);
  await copyFile(fixture(`${name}.cert.pem`), files.cert);
}

/** Status, body, and whose certificate the server showed on a new connection. */
async function get(path: string) {
  const sent = request(double.url + path, { rejectUnauthorized: false, agent: false }).end();
  const [response] = await once(sent, 'response');
  const subject = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
  return { status: response.statusCode, body: await text(response), subject };
}

test('serves HTTPS, and no plain HTTP on the same port', async () => {
  expect(double.url).toMatch(/^https:/);
  expect(await get('/v2/health/ready')).toMatchObject({ status: 200, subject: 'localhost-a' });
  const plain = createConnection(double.port, '127.0.0.1');
  plain.write('GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  plain.on('error', () => {});
  expect(await text(plain).catch(() => '')).not.toContain('live');
  await expect.poll(() => double.broken.length).toBe(1);
});

test('new connections get the new certificate when the files change', async () => {
  await get('/v2');
  await install('b');
  await expect.poll(async () => (await get('/v2')).subject, { timeout: 10_000 }).toBe('localhost-b');
});

test('a certificate without its key changes nothing until the key is there too', async () => {
  await copyFile(fixture('b.cert.pem'), files.cert);
  const messages = () => double.entries.map(({ message }) => String(message));
  await expect.poll(() => messages().join(), { timeout: 10_000 }).toMatch(/is not that of the certificate/);
  expect((await get('/v2')).subject).toBe('localhost-a');
  await copyFile(fixture('b.key.pem'), files.key);
  await expect.poll(async () => (await get('/v2')).subject, { timeout: 10_000 }).toBe('localhost-b');
});

test('what is no certificate or key is refused with its name', async () => {
  await writeFile(files.key, 'no key');
  expect(() => readTls(files)).toThrow(/key.pem is no private key in PEM/);
  await writeFile(files.cert, 'no certificate');
  expect(() => readTls(files)).toThrow(/cert.pem is no certificate in PEM/);
});
