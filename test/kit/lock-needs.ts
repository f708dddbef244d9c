/** What jobs of a test need: locks alone, shared, or a target on an instance. */
import type { LockNeed } from "../../src/model/job.ts";

export const alone = (...names: string[]): LockNeed[] => names.map((name) => ({ name, mode: "exclusive" }));
export const shared = (...names: string[]): LockNeed[] => names.map((name) => ({ name, mode: "shared" }));
export const target = (id: number): LockNeed[] => [...alone(`target/i/vm/${id}`), ...shared("instance/i")];
