import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CairnClient } from '../../src/client/index.ts';
import { problem, type StandIn, startStandIn } from './stand-in.ts';

let api: StandIn;
beforeEach(async () => {
  api = await startStandIn();
});
afterEach(() => api.close());

async function read(url = `${api.url}/file`, seen: [number, number | null][] = []): Promise<string> {
  const client = new CairnClient(api.url, { retries: 0 });
  let text = '';
  const onProgress = (received: number, size: number | null) => void seen.push([received, size]);
  for await (const piece of client.stream(url, { onProgress })) text += new TextDecoder().decode(piece);
  return text;
}

const WHOLE = { ETag: '"a"', 'Content-Length': '11' };

describe('a file in pieces', () => {
  it('comes whole, and says how far it is', async () => {
    api.answer({ body: 'hello world', headers: WHOLE });
    const seen: [number, number | null][] = [];
    expect(await read(undefined, seen)).toBe('hello world');
    expect(seen.at(-1)).toEqual([11, 11]);
  });

  it('goes on where a connection broke, if it is still the same file', async () => {
    api.answer(
      { body: 'hello', headers: WHOLE, breaks: true },
      { status: 206, body: ' world', headers: { ETag: '"a"', 'Content-Range': 'bytes 5-10/11' } },
    );
    expect(await read()).toBe('hello world');
    expect(api.asked[1]!.headers).toMatchObject({ range: 'bytes=5-', 'if-range': '"a"' });
  });

  it('is not put together from two files', async () => {
    api.answer(
      { body: 'hello', headers: WHOLE, breaks: true },
      { body: 'another file', headers: { ETag: '"b"', 'Content-Length': '12' } },
    );
    await expect(read()).rejects.toThrow('has changed while it was read');
  });

  it('that is refused is the error of the API', async () => {
    api.answer(problem('not-ready', 404));
    await expect(read()).rejects.toThrow('it is not-ready');
  });
});
