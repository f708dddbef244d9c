/** The sandbox levels that this machine can be tested at. */
import type { SandboxLevel } from "../../src/model/integration-type.ts";
import { probeSandbox } from "../../src/sandbox/probe.ts";

/** `degraded` always; `full` where the kernel and bubblewrap allow it, else its reason is printed. */
export const testableLevels = async (): Promise<readonly SandboxLevel[]> => {
  const { level, reason } = await probeSandbox({ nodePath: process.execPath });
  if (level === "full") return ["full", "degraded"];
  console.warn(`Not tested at level full: ${reason}`);
  return ["degraded"];
};
