import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { curlOf } from '../../../src/site/playground/curl.ts';

test('the shell hands the body on as it is, quotes and all', () => {
  const body = { class: 'it\'s $HOME `here` \\ "there"' };
  const command = curlOf('https://cairn.test/v1/samples', body).replace(/^curl/, "printf '%s\\n'");
  const args = execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8', env: { CAIRN_API_KEY: 'k' } });
  expect(args).toContain('Authorization: Bearer k\n');
  expect(args).toContain(`${JSON.stringify(body)}\n`);
});
