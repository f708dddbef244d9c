/** The sandbox levels that this machine can be tested at. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { SandboxLevel } from "../../src/model/integration-type.ts";
import { probeSandbox } from "../../src/sandbox/probe.ts";

/** `degraded` always; `full` where the kernel and bubblewrap allow it, else its reason is printed. */
export const testableLevels = async (): Promise<readonly SandboxLevel[]> => {
  const { level, reason } = await probeSandbox({ nodePath: process.execPath });
  if (level === "full") return ["full", "degraded"];
  console.warn(`Not tested at level full: ${reason}`);
  return ["degraded"];
};

/** Runs a command on a machine that has no bubblewrap, as far as it can see. */
const withoutBubblewrap = (path: string): readonly string[] => [
  ...["unshare", "--mount", "sh", "-c"],
  `mount --bind /dev/null ${path} && exec "$@"`,
  "sh",
];

const bubblewrapPath = (): string =>
  ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"].find((path) => existsSync(path)) ?? "/usr/bin/bwrap";

const worksHere = ([program = "", ...args]: readonly string[]): boolean =>
  spawnSync(program, [...args, "true"]).status === 0;

export interface SystemLevel {
  readonly level: SandboxLevel;
  /** What a whole system is started with to have this level. */
  readonly around: readonly string[];
}

/** The levels that a whole system can be started at: the machine's own, and `degraded` where bubblewrap can be hidden. */
export const systemLevels = async (): Promise<readonly SystemLevel[]> => {
  const levels = await testableLevels();
  if (!levels.includes("full")) return [{ level: "degraded", around: [] }];
  const around = withoutBubblewrap(bubblewrapPath());
  if (worksHere(around)) {
    return [
      { level: "full", around: [] },
      { level: "degraded", around },
    ];
  }
  console.warn("A whole system is not tested at level degraded: bubblewrap cannot be hidden from it here");
  return [{ level: "full", around: [] }];
};
