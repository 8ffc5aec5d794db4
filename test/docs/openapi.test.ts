/** The description at /openapi.json under a public validator, which reads its schemas from files: so in plain Node. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { beforeAll, expect, test } from 'vitest';

let text: string;
beforeAll(async () => {
  // By a name that the type check does not follow: the Worker's files have types of their own.
  const at = (path: string) => new URL(`../../src/functions/${path}`, import.meta.url).href;
  const [{ app }, { describeApi }] = await Promise.all([
    import(at('app.ts')),
    import(at('openapi/document.ts')),
  ]);
  text = JSON.stringify(describeApi(app, 'https://cairn.test'));
});

test('is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(text))).toMatchObject({ valid: true });
  expect(validator.version).toBe('3.1');
});

test('the validator is one that refuses', async () => {
  const broken = JSON.parse(text);
  broken.paths['/v1/samples'].post.responses = {};
  broken.paths['/v1/samples'].post.parameters = [{ name: 'x', in: 'nowhere' }];
  expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
});
