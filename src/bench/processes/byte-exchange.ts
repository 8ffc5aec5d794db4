/**
 * The least server there can be: it reads as many bytes as the request's Content-Length says and answers three times as
 * many zeros, straight on TCP. Nothing below it is Cairn's or HTTP's: Node's sockets and the system's loopback.
 */
import { type AddressInfo, createServer } from 'node:net';

const answers = new Map<number, Buffer>();

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let missing = 0;
  let answer: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    if (missing === 0) {
      const head = bytes.toString('latin1', 0, bytes.indexOf('\r\n\r\n') + 4);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)![1]);
      answer = answerOf(length);
      missing = head.length + length;
    }
    missing -= bytes.byteLength;
    if (missing === 0) socket.write(answer);
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () =>
  process.send!(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
process.on('disconnect', () => process.exit());

function answerOf(length: number): Buffer {
  const known = answers.get(length);
  if (known !== undefined) return known;
  const answer = Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${3 * length}\r\n\r\n`),
    Buffer.alloc(3 * length),
  ]);
  answers.set(length, answer);
  return answer;
}
