/** Counts the bytes of answers that this worker holds in memory. */
import { SwitchyardError } from "../errors.ts";

/** Most bytes of one answer, counted after inflating. */
export const maxAnswerBytes = 16 * 1024 * 1024;
const maxInFlightBytes = 256 * 1024 * 1024;

export const answerTooLarge = (): SwitchyardError =>
  new SwitchyardError("response_too_large", {
    detail: "The device answered with more than 16 MiB: ask for less at once (a page, a filter).",
  });

export interface Meter {
  readonly bytes: number;
  /** @throws SwitchyardError `response_too_large` when all answers together would be more than 256 MiB. */
  take(bytes: number): void;
  give(bytes: number): void;
}

export const createMeter = (): Meter => {
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    take: (more) => {
      if (bytes + more > maxInFlightBytes) {
        throw new SwitchyardError("response_too_large", {
          detail: "The answers that this worker is receiving exceed 256 MiB together: try again when fewer jobs run.",
        });
      }
      bytes += more;
    },
    give: (less) => {
      bytes -= less;
    },
  };
};
