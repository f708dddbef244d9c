/** Writes messages to a sandbox's line, and counts what it has not taken up: that lies in the runner's memory. */
import type { Duplex } from "node:stream";
import { SwitchyardError } from "../errors.ts";
import { framesOf } from "./long-text.ts";
import type { ToSandbox } from "./wire.ts";

/** The bytes of answers that this runner holds, received or on their way. `take` throws when it would be too many. */
export interface HeldBytes {
  take(bytes: number): void;
  give(bytes: number): void;
}

/** Answers are what a driver can have more and more of; shorter ones are not worth counting. */
const countedBytes = 16 * 1024;
const countOf = (message: ToSandbox, frames: readonly Buffer[]): number => {
  const bytes = frames.reduce((sum, { length }) => sum + length, 0);
  return message.t === "answer" && bytes >= countedBytes ? bytes : 0;
};
/** A sandbox that leaves more than this lying is given so long to take up some of it. */
const mostUnsentBytes = 32 * 1024 * 1024;
const patienceMs = 10_000;

const leftLying = (): SwitchyardError =>
  new SwitchyardError("driver_failed", {
    detail: `The driver asked for more than ${mostUnsentBytes / 1_048_576} MiB and took up nothing of it for ${patienceMs / 1000} s: its sandbox was ended.`,
  });

export interface Writer {
  /** @throws SwitchyardError `response_too_large`, RangeError: nothing was sent. */
  send(message: ToSandbox): void;
  /** Whether so much lies there that nothing more is read from it. */
  readonly isFull: boolean;
  close(): void;
}

export interface WriterDeps {
  readonly line: Duplex;
  readonly held: HeldBytes | undefined;
  /** Called once, when it leaves too much lying for too long. */
  readonly onStuck: (error: SwitchyardError) => void;
}

export const createWriter = ({ line, held, onStuck }: WriterDeps): Writer => {
  let timer: NodeJS.Timeout | undefined;
  let taken = 0;
  let seen = -1;
  const isFull = (): boolean => line.writableLength > mostUnsentBytes;

  const look = (): void => {
    timer = undefined;
    if (!isFull()) return;
    if (taken === seen) onStuck(leftLying());
    else watch();
  };
  const watch = (): void => {
    seen = taken;
    timer = setTimeout(look, patienceMs).unref();
  };
  // Whatever breaks it ends the process, which its host hears of.
  line.on("error", () => undefined);
  return {
    send: (message) => {
      const frames = framesOf(message);
      const counted = countOf(message, frames);
      if (counted > 0) held?.take(counted);
      const last = frames.pop();
      for (const frame of frames) line.write(frame);
      line.write(last, () => {
        taken += 1;
        if (counted > 0) held?.give(counted);
      });
      if (timer === undefined && isFull()) watch();
    },
    get isFull() {
      return isFull();
    },
    close: () => clearTimeout(timer),
  };
};
