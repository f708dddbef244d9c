/** Faults of the clock: the processes of the system are preloaded with one that a test can set. */
import { type Fault, onSqlite } from "../kit/fault.ts";

const hourMs = 3_600_000;

const setBack: Fault = {
  name: "clock set back by an hour",
  shape: onSqlite,
  async strike({ turnClock }) {
    turnClock(-hourMs);
  },
};

export const clockFaults: readonly Fault[] = [setBack];
