/** An SNMP agent that answers as a test wants it, packet by packet: for what no real agent does. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

export interface SeenRequest {
  readonly id: number;
  /** 160 get, 161 getnext, 163 set, 165 getbulk. */
  readonly type: number;
  readonly oid: string;
}

export interface UdpAgent {
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  [Symbol.asyncDispose](): Promise<void>;
}

const tagged = (tag: number, content: Buffer): Buffer => {
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
};
const whole = (value: number): Buffer => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(value >>> 0, 1);
  return tagged(2, value < 0 ? bytes.subarray(1) : bytes);
};
const named = (oid: string): Buffer => {
  const [first = 1, second = 3, ...rest] = oid.split(".").map(Number);
  const parts = [first * 40 + second, ...rest].flatMap((part) =>
    part < 128
      ? [part]
      : part < 16_384
        ? [(part >> 7) | 128, part & 127]
        : [(part >> 14) | 128, ((part >> 7) & 127) | 128, part & 127],
  );
  return tagged(6, Buffer.from(parts));
};

interface Piece {
  readonly tag: number;
  readonly content: Buffer;
  readonly rest: Buffer;
}
const cut = (bytes: Buffer): Piece => {
  const long = (bytes[1] ?? 0) > 128 ? (bytes[1] ?? 0) - 128 : 0;
  const length = long === 0 ? (bytes[1] ?? 0) : bytes.readUIntBE(2, long);
  const start = 2 + long;
  return { tag: bytes[0] ?? 0, content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
};
const oidIn = (content: Buffer): string => {
  const parts: number[] = [];
  let part = 0;
  for (const byte of content) {
    part = part * 128 + (byte & 127);
    if (byte < 128) {
      parts.push(part);
      part = 0;
    }
  }
  const [head = 0, ...rest] = parts;
  return [Math.trunc(head / 40), head % 40, ...rest].join(".");
};

const read = (packet: Buffer): SeenRequest & { community: Buffer } => {
  const version = cut(cut(packet).content);
  const community = cut(version.rest);
  const pdu = cut(community.rest);
  const id = cut(pdu.content);
  const list = cut(cut(cut(id.rest).rest).rest);
  const oid = list.content.length === 0 ? "" : oidIn(cut(cut(list.content).content).content);
  return { id: id.content.readIntBE(0, id.content.length), type: pdu.tag, oid, community: community.content };
};

const valued = (value: number | string | null): Buffer => {
  if (value === null) return tagged(0x80, Buffer.alloc(0));
  return typeof value === "number" ? whole(value) : tagged(4, Buffer.from(value));
};

/** What of an answer may be other than usual. */
interface Oddity {
  /** Another than an answer's. */
  readonly tag?: number;
  /** Error status and index. */
  readonly error?: readonly [status: number, index: number];
}

/** An answer of version 2c; `id` may be another than the request's. `null` is an instance that does not exist. */
export const answerTo = (
  community: Buffer,
  id: number,
  values: readonly (readonly [oid: string, value: number | string | null])[],
  { tag = 162, error: [status, index] = [0, 0] }: Oddity = {},
): Buffer => {
  const list = values.map(([oid, value]) => tagged(48, Buffer.concat([named(oid), valued(value)])));
  const pdu = tagged(tag, Buffer.concat([whole(id), whole(status), whole(index), tagged(48, Buffer.concat(list))]));
  return tagged(48, Buffer.concat([tagged(2, Buffer.from([1])), tagged(4, community), pdu]));
};

/** `answer` gives the packets to send back; `afterMs` how long that takes, null is for ever. */
export const startUdpAgent = async (
  answer: (request: SeenRequest & { readonly community: Buffer }) => readonly Buffer[],
  afterMs: () => number | null = () => 0,
): Promise<UdpAgent> => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  const seen: SeenRequest[] = [];
  const late = new Set<NodeJS.Timeout>();
  socket.on("message", (packet, from) => {
    const request = read(packet);
    seen.push(request);
    const ms = afterMs();
    const send = (): void => {
      for (const reply of answer(request)) socket.send(reply, from.port, from.address);
    };
    if (ms === 0) send();
    else if (ms !== null) late.add(setTimeout(send, ms));
  });
  await once(socket, "listening");
  return {
    port: socket.address().port,
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const timer of late) clearTimeout(timer);
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
};
