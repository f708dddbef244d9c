/** Passes over informational answers (100, 102, 103 ...), so that the http library sees the final one alone. */
import type { Socket } from "node:net";
import { SwitchyardError } from "../errors.ts";

/** A device may say that it is busy, a few times; one that says nothing else gives no answer. */
const mostPassed = 64;
const longestHead = 16_384;
const headEnd = Buffer.from("\r\n\r\n");

/** 101 is none of them: it changes the protocol, which nobody asked for. */
const information = /^HTTP\/1\.[01] 1(?!01)\d\d[ \r]/;
/** As many bytes tell what an answer is. */
const enough = 13;
/** Whether so few bytes may yet become an informational answer: as if the rest of one had come. */
const mayBecome = (start: string): boolean => information.test(start + "HTTP/1.1 100 ".slice(start.length));

const endless = (): SwitchyardError =>
  new SwitchyardError("protocol_mismatch", {
    detail:
      "The device sends one informational answer (100 Continue and the like) after the other, and none that is final: look at the device, and at what stands between.",
  });

export interface Sieve {
  /** The next bytes that come begin an answer. */
  expect(): void;
}

/** Lives as long as its socket. */
class AnswerSieve implements Sieve {
  private isWaiting = false;
  private kept: Buffer = Buffer.alloc(0);
  private passed = 0;
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  expect(): void {
    this.isWaiting = true;
    this.passed = 0;
  }

  /** What of these bytes is for the library; nothing yet while they may be informational. */
  take(bytes: Buffer): Buffer | undefined {
    if (!this.isWaiting) return bytes;
    this.kept = this.kept.length === 0 ? bytes : Buffer.concat([this.kept, bytes]);
    while (this.kept.length > 0) {
      const start = this.kept.toString("latin1", 0, enough);
      if (start.length < enough && mayBecome(start)) return undefined;
      if (!information.test(start)) return this.letThrough();
      if (!this.passOver()) return undefined;
    }
    return undefined;
  }

  private letThrough(): Buffer {
    const { kept } = this;
    this.kept = Buffer.alloc(0);
    this.isWaiting = false;
    return kept;
  }

  /** Drops one head; false when it is not whole yet, or was one too many. */
  private passOver(): boolean {
    const end = this.kept.indexOf(headEnd);
    this.passed += end < 0 ? 0 : 1;
    if (this.passed > mostPassed || (end < 0 && this.kept.length > longestHead)) {
      this.letThrough();
      this.socket.destroy(endless());
      return false;
    }
    this.kept = this.kept.subarray(end < 0 ? 0 : end + headEnd.length);
    return end >= 0;
  }
}

/**
 * Stands between a socket and the library that reads it: undici hangs up on a 100 that it did not ask for, which left
 * the outcome of a write unknown although its answer came.
 */
export const sieveOf = (socket: Socket): Sieve => {
  const sieve = new AnswerSieve(socket);
  const read = socket.read.bind(socket) as () => Buffer | null;
  socket.read = (): Buffer | null => {
    for (let bytes = read(); bytes !== null; bytes = read()) {
      const taken = sieve.take(bytes);
      if (taken !== undefined) return taken;
    }
    return null;
  };
  return sieve;
};
