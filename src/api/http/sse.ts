/** Server-sent events: one stream to one watcher, bounded in what it may leave unread. */
import { streamReply } from "./reply.ts";

/** Bytes that may wait for a slow watcher; replay makes it safe to cut one off. */
const capBytes = 1024 * 1024;

const encoder = new TextEncoder();
const keepAliveFrame = encoder.encode(": keep-alive\n\n");

export const frame = (id: string | number, event: string, data: unknown): string =>
  `id: ${id}\nevent: ${event}\ndata: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

export const encodeFrame = (text: string): Uint8Array => encoder.encode(text);

export interface EventStream {
  readonly response: Response;
  readonly isClosed: boolean;
  /** Whether the watcher keeps up: what it left unread is below the cap. */
  readonly hasRoom: boolean;
  /** False when the watcher was cut off, because it is too slow or because it has gone. */
  send(chunk: Uint8Array): boolean;
  /** Keeps the connection open; cuts off a watcher that read nothing since the last beat although there was something. */
  beat(): void;
  /** Resolves when there is room for more, or when the stream is closed. */
  room(): Promise<void>;
  /** Ends it after what was sent. */
  end(): void;
  /** Ends it at once. */
  cut(): void;
}

interface StreamOptions {
  /** Runs once, however it ends. */
  readonly onClose: () => void;
  /** Destroys the connection. */
  readonly cutConnection: () => void;
}

export const openEventStream = ({ onClose, cutConnection }: StreamOptions): EventStream => {
  let isClosed = false;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let waiting: (() => void) | undefined;
  let sentBytes = 0;
  let readBytes = -1;
  const wake = (): void => {
    waiting?.();
    waiting = undefined;
  };
  const close = (): boolean => {
    if (isClosed) return false;
    isClosed = true;
    onClose();
    wake();
    return true;
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      pull: wake,
      cancel: () => {
        close();
      },
    },
    { highWaterMark: capBytes, size: (chunk) => chunk.byteLength },
  );
  const roomLeft = (): number => controller?.desiredSize ?? 0;
  const cut = (): void => {
    if (!close()) return;
    controller?.close();
    cutConnection();
  };
  const send = (chunk: Uint8Array): boolean => {
    if (isClosed) return false;
    if (roomLeft() <= 0) {
      cut();
      return false;
    }
    sentBytes += chunk.byteLength;
    controller?.enqueue(chunk);
    return true;
  };
  const beat = (): void => {
    const unread = capBytes - roomLeft();
    const isStalled = unread > 0 && sentBytes - unread === readBytes;
    readBytes = sentBytes - unread;
    if (isStalled) cut();
    else send(keepAliveFrame);
  };
  return {
    response: streamReply(body),
    get isClosed() {
      return isClosed;
    },
    get hasRoom() {
      return roomLeft() > 0;
    },
    send,
    beat,
    room: () =>
      isClosed || roomLeft() > capBytes / 2
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting = resolve;
          }),
    end: () => {
      if (close()) controller?.close();
    },
    cut,
  };
};
