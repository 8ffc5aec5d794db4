import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataFolder } from '../../../src/cli/local/data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-data-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('makes one signing secret of 32 bytes and keeps it', () => {
  const first = openDataFolder(folder);
  first.unlock();
  expect(first.webhookSecret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const second = openDataFolder(folder);
  second.unlock();
  expect(second.webhookSecret).toBe(first.webhookSecret);
});

test('makes one secret for signed URLs and keeps it', () => {
  const first = openDataFolder(folder);
  first.unlock();
  expect(first.urlSigningSecret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  const second = openDataFolder(folder);
  second.unlock();
  expect(second.urlSigningSecret).toBe(first.urlSigningSecret);
});

test('makes one API key and keeps it', () => {
  const first = openDataFolder(folder);
  first.unlock();
  expect(first.apiKey).toMatch(/^cairn_[0-9a-z]{52}$/);
  const second = openDataFolder(folder);
  second.unlock();
  expect(second.apiKey).toBe(first.apiKey);
  second.replaceApiKey('cairn_another');
  const third = openDataFolder(folder);
  third.unlock();
  expect(third.apiKey).toBe('cairn_another');
});

test('is open once at a time', () => {
  const first = openDataFolder(folder);
  expect(() => openDataFolder(folder)).toThrow(`another Cairn is running with the data folder ${folder}`);
  first.unlock();
  openDataFolder(folder).unlock();
});

test('empties the scratch folder and leaves the state', () => {
  const first = openDataFolder(folder);
  first.unlock();
  writeFileSync(join(first.scratch, 'left'), '');
  writeFileSync(join(first.state, 'kept'), '');
  openDataFolder(folder).unlock();
  expect(existsSync(join(first.scratch, 'left'))).toBe(false);
  expect(existsSync(join(first.state, 'kept'))).toBe(true);
});

test('says what is wrong with a folder that can not be made', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => openDataFolder(join(file, 'inside'))).toThrow(
    `can't use ${join(file, 'inside')} as data folder`,
  );
});
