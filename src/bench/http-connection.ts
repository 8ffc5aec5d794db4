/**
 * As little of an HTTP/1.1 client as there can be: what it costs is added to what is measured. Node's own takes longer to
 * read an answer of 9 MB, each piece in fresh memory, than the server takes for all of the exchange.
 */
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
/** As much as the system hands over at a time. */
const ROOM_BYTES = 2 ** 18;

/** An answer that is being read. */
interface Answer {
  /** Until it is whole. */
  head: string;
  status: number;
  /** Bytes of the body that are still to come; null before the head is whole. */
  missing: number | null;
}

export class HttpConnection {
  readonly #socket: Socket;
  #answer: Answer | null = null;
  #resolve: (status: number) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(url: URL) {
    const buffer = Buffer.alloc(ROOM_BYTES);
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer,
        callback: (count, bytes) => {
          this.#read(Buffer.from(bytes.buffer, bytes.byteOffset, count));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /**
   * Sends a request and reads its answer, whose body it throws away. One at a time.
   *
   * @param head request line and headers, with the empty line after them
   * @returns the status of the answer
   * @throws {Error} if the connection breaks, or the answer has no Content-Length
   */
  exchange(head: Uint8Array, body: Uint8Array): Promise<number> {
    this.#answer = { head: '', status: 0, missing: null };
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.cork();
      this.#socket.write(head);
      this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): void {
    const answer = this.#answer;
    if (answer === null) return;
    let ofBody = bytes.byteLength;
    if (answer.missing === null) {
      const before = answer.head.length;
      answer.head += bytes.toString('latin1');
      const end = answer.head.indexOf(HEAD_END);
      if (end < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(answer.head.slice(0, end))?.[1];
      if (length === undefined) {
        this.#fail(new Error('the answer has no Content-Length'));
        return;
      }
      answer.status = Number(answer.head.split(' ', 2)[1]);
      answer.missing = Number(length);
      ofBody = before + bytes.byteLength - end - HEAD_END.length;
    }
    answer.missing -= ofBody;
    if (answer.missing > 0) return;
    this.#answer = null;
    this.#resolve(answer.status);
  }

  #fail(error: Error): void {
    if (this.#answer === null) return;
    this.#answer = null;
    this.#reject(error);
    this.#socket.destroy();
  }
}
