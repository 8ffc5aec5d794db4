/** One connection to a server: bytes to it, and what comes back. */
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Attack } from './hostile-bytes.ts';

export interface Answer {
  readonly status: number;
  /** Whether Cairn itself made it: what the platform in front of it answers has no request id. */
  readonly ours: boolean;
  readonly text: string;
}

export interface Talk {
  readonly answers: readonly Answer[];
  /** Whether the server closed the connection; a socket that stays as it is need not be. */
  readonly closed: boolean;
}

/** Nothing more is expected after so long without a byte, ms. */
const QUIET_MS = 200;
/** Between two pieces of what is dribbled, and how many of them, ms. */
const DRIBBLE_MS = 3;
const MAX_DRIBBLES = 40;

/** @param patienceMs for the server to close a connection on which nothing more will be sent */
export async function talk(
  { port, address }: AddressInfo,
  { bytes, ending, dribble }: Attack,
  patienceMs: number,
): Promise<Talk> {
  const socket = connect({ port, host: address, allowHalfOpen: true });
  const received: Buffer[] = [];
  let lastByteAt = Date.now();
  let closed = false;
  socket.on('data', (data) => {
    received.push(data);
    lastByteAt = Date.now();
  });
  for (const event of ['end', 'close', 'error'] as const) {
    socket.on(event, () => {
      closed = true;
    });
  }
  const pieces = dribble === 0 ? 1 : Math.min(MAX_DRIBBLES, Math.ceil(bytes.length / dribble));
  for (let piece = 0; piece < pieces && !closed; piece++) {
    const from = piece * dribble;
    socket.write(bytes.subarray(from, piece === pieces - 1 ? undefined : from + dribble));
    if (dribble > 0) await pause(DRIBBLE_MS);
  }
  if (ending === 'fin') socket.end();
  const startedAt = Date.now();
  const over = () => {
    const now = Date.now();
    if (closed || ending === 'reset') return true;
    return ending === 'stay' ? now - lastByteAt > QUIET_MS : now - startedAt > patienceMs;
  };
  while (!over()) await pause(5);
  socket.destroy();
  return { answers: answersIn(Buffer.concat(received).toString('latin1')), closed };
}

function answersIn(text: string): Answer[] {
  return text.split(/(?=HTTP\/1\.[01] \d{3} )/).flatMap((answer) => {
    const status = /^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1];
    const [head = ''] = answer.split('\r\n\r\n');
    return status === undefined
      ? []
      : [{ status: Number(status), ours: /^x-request-id:/im.test(head), text: answer }];
  });
}
