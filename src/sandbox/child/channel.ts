/** The sandbox's end of the line to the runner: an inherited socket that carries frames. */
import { Socket } from "node:net";
import { createFrameReader, encodeFrame } from "../frames.ts";
import type { FromSandbox, ToSandbox } from "../wire.ts";

export interface Channel {
  /** Throws a RangeError when the message is larger than the runner accepts. */
  send(message: FromSandbox): void;
  /** Sends the last message and ends the process. */
  sendAndExit(message: FromSandbox): void;
  onMessage(listener: (message: ToSandbox) => void): void;
}

/** Opens the line. When the runner closes its end, the process has nothing left to live for. */
export const openChannel = (descriptor: number): Channel => {
  const socket = new Socket({ fd: descriptor, readable: true, writable: true });
  const leave = process.exit.bind(process, 0);
  socket.on("close", leave);
  socket.on("error", leave);
  return {
    send: (message) => {
      socket.write(encodeFrame(message));
    },
    sendAndExit: (message) => {
      socket.end(encodeFrame(message), leave);
    },
    onMessage: (listener) => {
      const reader = createFrameReader((body) => listener(JSON.parse(body.toString()) as ToSandbox));
      socket.on("data", reader.push);
    },
  };
};
