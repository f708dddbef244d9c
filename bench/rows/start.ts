/** The second `npm start` on a folder: from the command to an answer that says ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, median } from "../kit/statistics.ts";
import { until } from "../kit/until.ts";

const root = join(import.meta.dirname, "..", "..");

const isReady = async (dataDir: string): Promise<boolean> => {
  const file = join(dataDir, "url");
  if (!existsSync(file)) return false;
  const url = readFileSync(file, "utf8").trim();
  const answer = await fetch(`${url}/readyz`).catch(() => undefined);
  return answer?.ok === true;
};

/** Starts, waits for readiness, stops; answers the seconds to readiness. */
const startOnce = async (dataDir: string): Promise<number> => {
  rmSync(join(dataDir, "url"), { force: true });
  const from = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: root,
    env: { ...process.env, SWITCHYARD_DATA: dataDir, SWITCHYARD_PORT: "0", SWITCHYARD_LOG: "error" },
    stdio: "ignore",
    detached: true,
  });
  const ended = once(child, "exit");
  await until(() => isReady(dataDir), "the system to be ready", { everyMs: 10 });
  const seconds = (performance.now() - from) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  process.kill(-(child.pid ?? 0), "SIGTERM");
  await ended;
  await until(() => !existsSync(join(dataDir, "switchyard.lock")), "the data folder to be given back");
  return seconds;
};

export const startRow: Measure = {
  name: "start",
  run: async ({ size }): Promise<Row[]> => {
    const dataDir = mkdtempSync(join(tmpdir(), "sw-bench-"));
    try {
      const first = await startOnce(dataDir);
      const later: number[] = [];
      for (let round = 0; round < size(5, 1); round += 1) later.push(await startOnce(dataDir));
      const note = `${listed(later)}; the first ${first.toFixed(2)}`;
      return [atMost({ name: "second `npm start` to ready", unit: "s", note }, median(later), 2)];
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};
