/** GET over kept connections, timed from the call to the last byte of the answer. */
import { Agent, get } from 'node:http';

export interface TimedAnswer {
  readonly body: string;
  readonly ms: number;
}

export interface TimedClient {
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** @throws {Error} if the answer is no 200 */
  get(path: string): Promise<TimedAnswer>;
  close(): void;
}

export function openTimedClient(url: string, headers: TimedClient['headers']): TimedClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  return {
    headers,
    get: (path) =>
      new Promise((resolve, reject) => {
        const startedAt = performance.now();
        const call = get(new URL(path, url), { agent, headers }, (answer) => {
          let body = '';
          answer.setEncoding('utf8');
          answer.on('data', (text: string) => {
            body += text;
          });
          answer.on('error', reject);
          answer.on('end', () => {
            const ms = performance.now() - startedAt;
            if (answer.statusCode === 200) resolve({ body, ms });
            else reject(new Error(`GET ${path} was answered with ${answer.statusCode}: ${body}`));
          });
        });
        call.on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}
