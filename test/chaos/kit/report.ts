/** Many rounds of each fault, as one table and as JSON. */
import { type Charge, charges, isClean } from "./judge.ts";
import type { Round } from "./round.ts";

export interface Tried {
  readonly fault: string;
  readonly rounds: readonly Round[];
  /** Rounds that could not be judged. */
  readonly broken: readonly string[];
  readonly skipped?: string;
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

const count = ({ rounds }: Tried, charge: Charge): number =>
  rounds.reduce((sum, { verdict }) => sum + verdict[charge].length, 0);
const seconds = ({ rounds }: Tried, share: number): string =>
  (
    quantile(
      rounds.map(({ recoveryMs }) => recoveryMs),
      share,
    ) / 1000
  ).toFixed(1);

const head = ["fault", "runs", "jobs", ...charges, "recovery p50", "p95"];

const cells = (tried: Tried): string[] => {
  const { fault, rounds, broken, skipped } = tried;
  if (skipped !== undefined) return [fault, `skipped: ${skipped}`];
  if (rounds.length === 0) return [fault, `broken: ${broken[0]}`];
  const jobs = rounds.reduce((sum, round) => sum + round.jobs, 0);
  const counts = charges.map((charge) => String(count(tried, charge)));
  const recovery = [seconds(tried, 0.5), seconds(tried, 0.95)].map((text) => `${text} s`);
  return [fault, String(rounds.length), String(jobs), ...counts, ...recovery];
};

/** One line per fault. */
export const tableOf = (all: readonly Tried[]): string => {
  const rows = [head, ...all.map(cells)];
  const full = rows.filter((row) => row.length === head.length);
  const widths = head.map((_, column) => Math.max(...full.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
};

export const jsonOf = (seed: number, all: readonly Tried[]) => ({
  seed,
  faults: all.map((tried) => ({
    fault: tried.fault,
    runs: tried.rounds.length,
    jobs: tried.rounds.reduce((sum, round) => sum + round.jobs, 0),
    ...Object.fromEntries(charges.map((charge) => [charge, count(tried, charge)])),
    recovery_ms: tried.rounds.map(({ recoveryMs }) => Math.round(recoveryMs)),
    states: tried.rounds.map(({ states }) => states),
    findings: tried.rounds.flatMap(({ verdict }) => charges.flatMap((charge) => verdict[charge])),
    broken: tried.broken,
    ...(tried.skipped === undefined ? {} : { skipped: tried.skipped }),
  })),
});

/** A fault that was not tried has shown nothing: that is not clean. */
export const isAllClean = (all: readonly Tried[]): boolean =>
  all.every(
    ({ rounds, broken, skipped }) =>
      skipped === undefined && broken.length === 0 && rounds.every(({ verdict }) => isClean(verdict)),
  );
