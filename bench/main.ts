/** `npm run bench [-- --quick] [filter ...]`: measures what the project promises, prints a table, writes bench/out/latest.json. */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Measure, Options, Row } from "./kit/row.ts";
import { authoringRow } from "./rows/authoring.ts";
import { backlogRow } from "./rows/backlog.ts";
import { bareRow } from "./rows/bare.ts";
import { enqueueRow } from "./rows/enqueue.ts";
import { enqueueConsumedRow } from "./rows/enqueue-consumed.ts";
import { hostileRow } from "./rows/hostile.ts";
import { httpRequestRow } from "./rows/http-request.ts";
import { inventoryRow } from "./rows/inventory.ts";
import { listingRow } from "./rows/listing.ts";
import { loadRow } from "./rows/load.ts";
import { locksRow } from "./rows/locks.ts";
import { memoryRow } from "./rows/memory.ts";
import { portInventoryRow } from "./rows/port-inventory.ts";
import { pythonDriverRow } from "./rows/python-driver.ts";
import { busyRecoveryRow, recoveryRow } from "./rows/recovery.ts";
import { replayRow } from "./rows/replay.ts";
import { snmpWalkRow } from "./rows/snmp-walk.ts";
import { sshCommandRow } from "./rows/ssh-command.ts";
import { startRow } from "./rows/start.ts";
import { switchesRow } from "./rows/switches.ts";
import { watchersRow } from "./rows/watchers.ts";
import { wholeJobRow } from "./rows/whole-job.ts";
import { workersRow } from "./rows/workers.ts";

const measures: readonly Measure[] = [
  ...[enqueueRow, enqueueConsumedRow, wholeJobRow, locksRow, httpRequestRow, watchersRow],
  ...[inventoryRow, recoveryRow, busyRecoveryRow, backlogRow, memoryRow, startRow, listingRow],
  workersRow,
  hostileRow,
  ...[sshCommandRow, snmpWalkRow, portInventoryRow],
  authoringRow,
  replayRow,
  pythonDriverRow,
];
/** Too long to run with all others: asked for by name. */
const longMeasures: readonly Measure[] = [loadRow, switchesRow, bareRow];
const known = [...measures, ...longMeasures];

const optionsOf = (args: readonly string[]): Options => {
  const isQuick = args.includes("--quick");
  return {
    isQuick,
    size: (full, quick) => (isQuick ? quick : full),
    say: (line) => void process.stderr.write(`${line}\n`),
  };
};

const failedRow = (name: string, error: unknown): Row => ({
  name,
  value: Number.NaN,
  unit: "",
  bar: "to run",
  ok: false,
  note: error instanceof Error ? error.message : String(error),
});

const runAll = async (chosen: readonly Measure[], options: Options): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const measure of chosen) {
    options.say(`${measure.name} ... (load ${loadavg()[0]?.toFixed(1)})`);
    try {
      rows.push(...(await measure.run(options)));
    } catch (error) {
      rows.push(failedRow(measure.name, error));
    }
  }
  return rows;
};

const lineOf = ({ ok, name, value, unit, bar, note }: Row): string => {
  const figure = `${value} ${unit}`.padStart(12);
  return `${bar === null ? "    " : ok ? "ok  " : "MISS"} ${name.padEnd(64)} ${figure}  ${(bar ?? "").padEnd(9)} ${note ?? ""}`;
};

const args = process.argv.slice(2);
const filters = args.filter((arg) => !arg.startsWith("--"));
/** A filter is a whole name, or else a part of names. */
const isAsked = ({ name }: Measure): boolean =>
  filters.some((filter) => (known.some((one) => one.name === filter) ? name === filter : name.includes(filter)));
const chosen = filters.length === 0 ? measures : known.filter(isAsked);
if (chosen.length === 0) {
  process.stderr.write(`bench: no measure is called so; there are ${known.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}
const rows = await runAll(chosen, optionsOf(args));
process.stdout.write(`${rows.map(lineOf).join("\n")}\n`);
const outDir = join(import.meta.dirname, "out");
mkdirSync(outDir, { recursive: true });
const measuredAt = new Date().toISOString();
writeFileSync(join(outDir, "latest.json"), `${JSON.stringify({ measured_at: measuredAt, rows }, null, 2)}\n`);
process.exit(rows.every(({ ok }) => ok) ? 0 : 1);
