/** A process that falls must not leave its memory on disk: opened secrets stand in it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { plainEnvironment } from "../config.ts";

/** Soft and hard limit, as the kernel tells them; undefined where it does not. */
const coreLimits = (): string | undefined => {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    return /^Max core file size\s+(\S+\s+\S+)/m.exec(limits)?.[1]?.replace(/\s+/, " ");
  } catch {
    return undefined;
  }
};

/** This process, and all that it starts from now on, leaves no core file. Without util-linux it stays as it was. */
export const forbidCoreFiles = (): void => {
  const limits = coreLimits();
  if (limits === undefined || limits === "0 0") return;
  spawnSync("prlimit", ["--core=0:0", "--pid", String(process.pid)], { env: plainEnvironment(), stdio: "ignore" });
};
