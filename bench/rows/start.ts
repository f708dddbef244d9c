/** The second `npm start` on a folder: from the command to an answer that says ready. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { startSystem } from "../kit/started.ts";
import { listed, median } from "../kit/statistics.ts";

/** Starts, waits for readiness, stops; answers the seconds to readiness. */
const startOnce = async (dataDir: string): Promise<number> => {
  const { seconds, stop } = await startSystem(dataDir);
  await pause(1_500);
  await stop();
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
