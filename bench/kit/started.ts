/** `npm start` on a data folder, from the command to an answer that says ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "./until.ts";

const root = join(import.meta.dirname, "..", "..");

export interface Started {
  readonly url: string;
  readonly token: string;
  /** From the command to readiness. */
  readonly seconds: number;
  stop(): Promise<void>;
}

const token = "bench-admin-token-0123456789";

const urlIn = (dataDir: string): string => readFileSync(join(dataDir, "url"), "utf8").trim();

const isReady = async (dataDir: string): Promise<boolean> => {
  if (!existsSync(join(dataDir, "url"))) return false;
  const answer = await fetch(`${urlIn(dataDir)}/readyz`).catch(() => undefined);
  return answer?.ok === true;
};

/** Starts the whole system and resolves when it is ready. */
export const startSystem = async (dataDir: string): Promise<Started> => {
  rmSync(join(dataDir, "url"), { force: true });
  const from = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: root,
    env: {
      ...process.env,
      SWITCHYARD_DATA: dataDir,
      SWITCHYARD_PORT: "0",
      SWITCHYARD_LOG: "error",
      SWITCHYARD_ADMIN_TOKEN: token,
    },
    stdio: "ignore",
    detached: true,
  });
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    process.kill(-(child.pid ?? 0), "SIGTERM");
    await ended;
    await until(() => !existsSync(join(dataDir, "switchyard.lock")), "the data folder to be given back");
  };
  try {
    await until(() => isReady(dataDir), "the system to be ready", { everyMs: 10 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: urlIn(dataDir), token, seconds: (performance.now() - from) / 1000, stop };
};
