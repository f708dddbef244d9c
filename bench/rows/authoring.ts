/** What an author waits for: a look at a pack, and the way from nothing to a test that passes. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { atMost, type Measure, type Row } from "../kit/row.ts";
import { listed, median } from "../kit/statistics.ts";

const root = join(import.meta.dirname, "..", "..");
const entry = join(root, "scripts", "cli.mjs");

/** Seconds of one command line, from its start to its end; one that fails is a fault of the measure. */
const secondsOf = async (cwd: string, ...args: readonly string[]): Promise<number> => {
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, [entry, ...args], { cwd });
  return (performance.now() - startedAt) / 1_000;
};

export const authoringRow: Measure = {
  name: "authoring",
  run: async ({ size }): Promise<Row[]> => {
    const home = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
    const looks: number[] = [];
    const beginnings: number[] = [];
    try {
      for (let round = 0; round < size(5, 1); round += 1) {
        looks.push(await secondsOf(home, "validate", join(root, "integrations", "walnut.proxmox.ve")));
        const pack = `pack${round}`;
        const written = await secondsOf(
          home,
          "new",
          `acme.${pack}`,
          "--dir",
          pack,
          "--capability",
          "lamp.power:on,off",
        );
        beginnings.push(written + (await secondsOf(home, "check", pack)));
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
    const look = { name: "validate of a pack", unit: "s", note: listed(looks) };
    const beginning = { name: "new to a passing test", unit: "s", note: listed(beginnings) };
    return [atMost(look, median(looks), 1.5), atMost(beginning, median(beginnings), 10)];
  },
};
