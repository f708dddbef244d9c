/** The sandbox's end of the line to the runner: an inherited socket that carries frames. */
import { createFrameReader, encodeFrame, type FrameReader } from "../frames.ts";
import { joinFrames } from "../long-text.ts";
import type { FromSandbox, ToSandbox } from "../wire.ts";
import { fs } from "./builtins.ts";

export interface Channel {
  /** Waits while the runner is slow to read. Throws a RangeError when the message is larger than it accepts. */
  send(message: FromSandbox): void;
  /** While nothing else can happen, the whole process stands still until the next message comes. */
  onMessage(listener: (message: ToSandbox) => void, rest: Rest): void;
}

export interface Rest {
  /** Whether nothing goes on that a message would not have to wake. */
  readonly isStill: boolean;
  /** Begins something that does not count as going on. */
  aside(work: () => void): void;
}

const { read, readSync, writeSync } = fs;
const readLength = 64 * 1024;

interface Exiting {
  reallyExit(code?: number): never;
}
const exiting = process as unknown as Exiting;
const leave = exiting.reallyExit.bind(process, 0);

const writeAll = (descriptor: number, bytes: Buffer): void => {
  let written = 0;
  while (written < bytes.length) written += writeSync(descriptor, bytes, written);
};

/**
 * Reads beside the event loop while something goes on there, and instead of it between calls, while a call waits for an
 * answer alone, and amidst a message: then it comes without a detour through another thread, and nothing that a call
 * left behind runs on.
 */
const readOn = (descriptor: number, reader: FrameReader, rest: Rest): void => {
  const buffer = Buffer.allocUnsafeSlow(readLength);
  const take = (length: number): void => {
    if (length === 0) leave();
    reader.push(Buffer.from(buffer.subarray(0, length)));
  };
  const takeAll = (length: number): void => {
    take(length);
    while (reader.isAmidst) take(readSync(descriptor, buffer, 0, buffer.length, null));
    rest.aside(() => setImmediate(next));
  };
  const readBeside = (): void =>
    read(descriptor, buffer, 0, buffer.length, null, (error, length) => takeAll(error === null ? length : 0));
  const next = (): void => {
    if (rest.isStill) takeAll(readSync(descriptor, buffer, 0, buffer.length, null));
    else rest.aside(readBeside);
  };
  next();
};

const { wait } = Atomics;
const gate = new Int32Array(new SharedArrayBuffer(4));

/**
 * Node would wait for the read that is under way before it exits, that is for ever: an exit asks the runner to kill
 * the process instead. Answers how to leave when a driver broke what messages are made with: what is said then was made before.
 */
export const exitByRunner = (channel: Channel, descriptor: number): ((lastWords?: Buffer) => never) => {
  const bye = encodeFrame({ t: "bye", code: 1 });
  const stand = (): never => {
    wait(gate, 0, 0);
    return leave();
  };
  const leaveAtOnce = (lastWords = bye): never => {
    writeSync(descriptor, lastWords);
    return stand();
  };
  const reallyExit = (code: unknown): never => {
    try {
      channel.send({ t: "bye", code: Number(code) || 0 });
    } catch {
      leaveAtOnce();
    }
    return stand();
  };
  Object.defineProperty(process, "reallyExit", { value: reallyExit, configurable: false, writable: false });
  return leaveAtOnce;
};

/**
 * Opens the line. When the runner closes its end, the process has nothing left to live for. Plain reads and writes
 * instead of a socket object: that costs 1 MB less, and a driver that says too much waits instead of piling it up.
 */
export const openChannel = (descriptor: number): Channel => ({
  send: (message) => writeAll(descriptor, encodeFrame(message)),
  onMessage: (listener, rest) => {
    const { onFrame, onText } = joinFrames(listener);
    readOn(descriptor, createFrameReader(onFrame, onText), rest);
  },
});
