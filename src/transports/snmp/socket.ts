/** One UDP socket to one agent: only its answers arrive, and no answer can break more than its own request. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";

/** What the library asks of a socket. */
interface LibrarySocket {
  on(event: string, listener: (...args: never[]) => void): LibrarySocket;
  ref(): void;
  unref(): void;
  send(...args: unknown[]): void;
  close(): void;
}

export interface SnmpSocket {
  /** Handed to the library in the place of Node's own module. */
  readonly dgramModule: { createSocket(): LibrarySocket };
  /** Packets that came, and those of them that were no SNMP. */
  readonly counts: { readonly received: number; readonly garbled: number };
  /** Told by the library's session: what came last was a packet, and not one it can read. */
  onUnreadable(): void;
  /** The agent's host said that nothing listens there; answers how to be forgotten. */
  onRefused(listener: (error: Error) => void): () => void;
  close(): void;
}

const connected = (socket: Socket, address: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });

type Listener = (...args: never[]) => void;

const sequence = 0x30;

/** Whether a packet is as long as it says: the library reads what is missing of one as values that are not there. */
const isWhole = (packet: Buffer): boolean => {
  const [tag, length = 0] = packet;
  if (tag !== sequence) return false;
  if (length < 0x80) return packet.length >= 2 + length;
  const digits = length - 0x80;
  if (digits < 1 || digits > 4 || packet.length < 2 + digits) return false;
  return packet.length >= 2 + digits + packet.readUIntBE(2, digits);
};

/** A connected socket takes packets of its peer alone, and hears when nothing listens there. */
export const openSnmpSocket = async (address: string, port: number): Promise<SnmpSocket> => {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  await connected(socket, address, port);
  const counts = { received: 0, garbled: 0 };
  const refused = new Set<(error: Error) => void>();
  let isClosed = false;
  socket.on("error", (error) => {
    for (const listener of refused) listener(error);
  });
  const guarded = (listener: Listener): Listener =>
    ((...args: never[]) => {
      counts.received += 1;
      try {
        if (isWhole(args[0] as unknown as Buffer)) listener(...args);
        else counts.garbled += 1;
      } catch {
        counts.garbled += 1;
      }
    }) as Listener;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    socket.close();
  };
  const library: LibrarySocket = {
    on: (event, listener) => {
      if (event === "message") socket.on(event, guarded(listener) as (message: Buffer) => void);
      else if (event === "close") socket.on(event, listener as () => void);
      return library;
    },
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
    // The library names the peer again, which a connected socket does not take.
    send: (...args) => {
      const [buffer, offset, length] = args as [Buffer, number, number];
      socket.send(buffer, offset, length, args.at(-1) as (error: Error | null) => void);
    },
    close,
  };
  const onRefused = (listener: (error: Error) => void): (() => void) => {
    refused.add(listener);
    return () => void refused.delete(listener);
  };
  const onUnreadable = (): void => {
    counts.garbled += 1;
  };
  return { dgramModule: { createSocket: () => library }, counts, onUnreadable, onRefused, close };
};
