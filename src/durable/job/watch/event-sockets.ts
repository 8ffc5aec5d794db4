/**
 * The same events over WebSockets that outlive this object in memory: each carries its position in the event log, so
 * that an object that was evicted goes on where it was, with nothing twice.
 *
 * The platform does not say how much of what was sent still waits for a slow reader, so readers say what they have read:
 * `{"ack": id}`. One that is far behind gets nothing more until it has caught up, and one that never says anything is
 * closed and may come again with the last id it has: what it did not read is then no longer kept for it.
 */
import type { ShownEvent } from './shown-event.ts';

export interface SocketPorts {
  /** What came after this event, oldest first. */
  read(after: number, origin: string): Promise<readonly ShownEvent[]>;
  closed(): void;
}

export interface NewReader {
  /** Id of the last event that it knows. */
  readonly after: number;
  readonly origin: string;
  /** The job is over, and that was its last event. */
  readonly knowsAll: boolean;
}

/** What a socket remembers while the object sleeps. */
interface Reader {
  /** Id of the last event that was sent. */
  readonly sent: number;
  readonly origin: string;
  /** Sent and not acknowledged: up to which event, and how many characters. Oldest first. */
  readonly unread: readonly (readonly [id: number, characters: number])[];
  readonly acknowledges: boolean;
  /** Since when it has been too far behind, ms; null while it is not. */
  readonly behindSince: number | null;
}

/** Characters on their way to one reader. */
const MAX_UNREAD = 2 * 1024 * 1024;
/** The same to all readers of a job: what a stalled one does not take stays in memory. */
const MAX_UNREAD_TOGETHER = 32 * 1024 * 1024;
/** A reader that acknowledges, but not this, is closed after so long, ms. */
const BEHIND_MS = 60_000;
/** Entries in `unread`: an attachment is small. */
const MAX_MARKS = 32;
/** A message of a reader is an ack or a ping. */
const MAX_MESSAGE = 64;

/** WebSocket close codes (RFC 6455, section 7.4.1, and IANA's registry). */
const NORMAL = 1000;
const POLICY = 1008;
const TRY_AGAIN = 1013;

export class EventSockets {
  readonly #state: DurableObjectState;
  readonly #ports: SocketPorts;
  /** Sockets that are being written to, and whether there is more since. */
  readonly #busy = new Map<WebSocket, { again: boolean }>();

  constructor(state: DurableObjectState, ports: SocketPorts) {
    this.#state = state;
    this.#ports = ports;
    // Answered by the platform, without waking the object.
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
  }

  get count(): number {
    return this.#state.getWebSockets().filter(isOpen).length;
  }

  accept({ after, origin, knowsAll }: NewReader): Response {
    const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    this.#state.acceptWebSocket(server);
    remember(server, { sent: after, origin, unread: [], acknowledges: false, behindSince: null });
    if (knowsAll) close(server, NORMAL, 'done');
    else this.#write(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** There may be something to read. */
  wake(): void {
    for (const socket of this.#state.getWebSockets()) this.#write(socket);
  }

  message(socket: WebSocket, message: string | ArrayBuffer): void {
    const id = ackOf(message);
    if (id === null) {
      close(socket, POLICY, 'expected {"ack": id} or ping');
      return;
    }
    const reader = recall(socket);
    const unread = reader.unread.filter(([upTo]) => upTo > id);
    remember(socket, { ...reader, unread, acknowledges: true });
    this.#write(socket);
  }

  #write(socket: WebSocket): void {
    const busy = this.#busy.get(socket);
    if (busy !== undefined) {
      busy.again = true;
      return;
    }
    const turn = { again: false };
    this.#busy.set(socket, turn);
    this.#state.waitUntil(
      this.#send(socket, turn)
        .catch((error) => {
          console.error(JSON.stringify({ error: `a WebSocket of events ended: ${String(error)}` }));
          close(socket, TRY_AGAIN, 'please come again');
        })
        .finally(() => this.#busy.delete(socket)),
    );
  }

  async #send(socket: WebSocket, turn: { again: boolean }): Promise<void> {
    for (;;) {
      turn.again = false;
      if (!isOpen(socket) || this.#isBehind(socket)) return;
      const before = recall(socket);
      const events = await this.#ports.read(before.sent, before.origin);
      const last = events.at(-1);
      if (last === undefined) {
        if (turn.again) continue;
        return;
      }
      if (!isOpen(socket)) return;
      // Nothing below waits, so what was sent and what is remembered of it can't come apart.
      let characters = 0;
      for (const { id, kind, json } of events) {
        const text = `{"id":${id},"event":"${kind}","data":${json}}`;
        socket.send(text);
        characters += text.length;
      }
      const now = recall(socket);
      remember(socket, { ...now, sent: last.id, unread: marked(now.unread, last.id, characters) });
      if (last.kind === 'done') {
        close(socket, NORMAL, 'done');
        return this.#ports.closed();
      }
    }
  }

  #isBehind(socket: WebSocket): boolean {
    const reader = recall(socket);
    const unread = reader.unread.reduce((sum, [, characters]) => sum + characters, 0);
    const allowed = Math.min(MAX_UNREAD, MAX_UNREAD_TOGETHER / Math.max(1, this.count));
    if (unread <= allowed) {
      if (reader.behindSince !== null) remember(socket, { ...reader, behindSince: null });
      return false;
    }
    const since = reader.behindSince ?? Date.now();
    if (!reader.acknowledges || Date.now() - since > BEHIND_MS) {
      close(socket, TRY_AGAIN, 'too far behind: acknowledge events, or come again with the last id');
      this.#ports.closed();
    } else if (reader.behindSince === null) remember(socket, { ...reader, behindSince: since });
    return true;
  }
}

function marked(unread: Reader['unread'], id: number, characters: number): Reader['unread'] {
  const last = unread.at(-1);
  if (unread.length < MAX_MARKS || last === undefined) return [...unread, [id, characters]];
  return [...unread.slice(0, -1), [id, last[1] + characters]];
}

/** @returns null unless the message is an acknowledgement */
function ackOf(message: string | ArrayBuffer): number | null {
  if (typeof message !== 'string' || message.length > MAX_MESSAGE) return null;
  const id = /^\s*\{\s*"ack"\s*:\s*(\d{1,15})\s*\}\s*$/.exec(message)?.[1];
  return id === undefined ? null : Number(id);
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === WebSocket.OPEN;
}

function recall(socket: WebSocket): Reader {
  return socket.deserializeAttachment();
}

function remember(socket: WebSocket, reader: Reader): void {
  socket.serializeAttachment(reader);
}

/** Closing what the other side has closed already is no fault. */
function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {}
}
