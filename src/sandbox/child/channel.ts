/** The sandbox's end of the line to the runner: an inherited socket that carries frames. */
import { createFrameReader, encodeFrame } from "../frames.ts";
import type { FromSandbox, ToSandbox } from "../wire.ts";
import { fs } from "./builtins.ts";

export interface Channel {
  /** Waits while the runner is slow to read. Throws a RangeError when the message is larger than it accepts. */
  send(message: FromSandbox): void;
  onMessage(listener: (message: ToSandbox) => void): void;
}

const { read, writeSync } = fs;
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

const readOn = (descriptor: number, buffer: Buffer, push: (chunk: Buffer) => void): void => {
  read(descriptor, buffer, 0, buffer.length, null, (error, length) => {
    if (error !== null || length === 0) leave();
    push(Buffer.from(buffer.subarray(0, length)));
    readOn(descriptor, buffer, push);
  });
};

/**
 * Node would wait for the read that is under way before it exits, that is for ever: an exit asks the runner to kill
 * the process instead.
 */
export const exitByRunner = (channel: Channel): void => {
  const reallyExit = (code: unknown): never => {
    channel.send({ t: "bye", code: Number(code) || 0 });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return leave();
  };
  Object.defineProperty(process, "reallyExit", { value: reallyExit, configurable: false, writable: false });
};

/**
 * Opens the line. When the runner closes its end, the process has nothing left to live for. Plain reads and writes
 * instead of a socket object: that costs 1 MB less, and a driver that says too much waits instead of piling it up.
 */
export const openChannel = (descriptor: number): Channel => ({
  send: (message) => writeAll(descriptor, encodeFrame(message)),
  onMessage: (listener) => {
    const reader = createFrameReader((body) => listener(JSON.parse(body.toString()) as ToSandbox));
    readOn(descriptor, Buffer.allocUnsafeSlow(readLength), reader.push);
  },
});
