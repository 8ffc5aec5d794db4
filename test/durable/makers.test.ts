import { expect, it } from 'vitest';
import { Makers } from '../../src/durable/job/makers.ts';

/** What has become of a promise by now. */
async function has(turn: Promise<unknown>): Promise<boolean> {
  return Promise.race([turn.then(() => true), scheduler.wait(20).then(() => false)]);
}

it('lets one make a file, and those who asked meanwhile after it, one by one', async () => {
  const makers = new Makers();
  const first = await makers.turn('a');
  const [second, third] = [makers.turn('a'), makers.turn('a')];
  expect(await has(second)).toBe(false);
  first[Symbol.dispose]();
  expect(await has(second)).toBe(true);
  expect(await has(third)).toBe(false);
  (await second)[Symbol.dispose]();
  expect(await has(third)).toBe(true);
  (await third)[Symbol.dispose]();
  expect(await has(makers.turn('a'))).toBe(true);
});

it('does not let one file wait for another', async () => {
  const makers = new Makers();
  await makers.turn('a');
  expect(await has(makers.turn('b'))).toBe(true);
});

it('waits for nobody for ever', async () => {
  const makers = new Makers();
  await makers.turn('a'); // and never ends
  await makers.turn('a', 50);
});
