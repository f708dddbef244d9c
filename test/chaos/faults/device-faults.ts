/** Faults of the devices: what they are asked is carried out, and its answer does not come, or not whole. */
import { setTimeout as pause } from "node:timers/promises";
import type { Failing } from "../kit/device.ts";
import { type Fault, onSqlite } from "../kit/fault.ts";

const labKinds = { hangs: "hung", resets: "reset", half: "half" } as const;

const failing = (name: string, how: Failing): Fault => ({
  name,
  shape: onSqlite,
  mayFail: true,
  async strike({ device, lab }, { pace }) {
    device.fail(how);
    lab.faults.add({ kind: labKinds[how], after: true });
    await pause(pace.failingMs);
    lab.faults.clear();
    device.fail(null);
  },
});

export const deviceFaults: readonly Fault[] = [
  failing("device hangs", "hangs"),
  failing("device resets", "resets"),
  failing("device answers half", "half"),
];
