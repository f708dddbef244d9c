/** Memory of a whole running system, process by process (PSS: shared pages count in equal parts). */
import { readFileSync } from "node:fs";
import { descendants, type System } from "../../test/kit/system.ts";

/** Proportional set size in MB. */
export const pssOf = (pid: number): number => {
  try {
    const kB = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    return (Number(kB ?? 0) * 1024) / 1_000_000;
  } catch {
    return 0;
  }
};

const titles = ["switchyard-api", "switchyard-worker", "switchyard-sandbox", "redis-server"];
const nameOf = (title: string): string => titles.find((known) => title.includes(known)) ?? "other";

export interface Measured {
  readonly total: number;
  readonly parts: readonly { readonly name: string; readonly mb: number }[];
}

/** Everything below the supervisor, itself, and its Redis, which is nobody's child. */
export const measureTree = (system: System): Measured => {
  const redis = Number(readFileSync(`${system.dataDir}/redis/redis.pid`, "utf8"));
  const parts = [
    { name: "supervisor", pid: system.pid },
    { name: "redis", pid: redis },
    ...descendants(system.pid)
      .filter(({ pid }) => pid !== redis)
      .map(({ pid, title }) => ({ name: nameOf(title), pid })),
  ].map(({ name, pid }) => ({ name, mb: pssOf(pid) }));
  return { total: parts.reduce((sum, { mb }) => sum + mb, 0), parts };
};

/** `redis 12, switchyard-api 80` */
export const toldParts = ({ parts }: Measured): string =>
  parts.map(({ name, mb }) => `${name} ${mb.toFixed(0)}`).join(", ");

/** The same by name, for trees with many processes of a kind. */
export const sumsByName = ({ parts }: Measured): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { name, mb } of parts) sums[name] = (sums[name] ?? 0) + mb;
  return sums;
};
