/** What a system may leave behind: processes that nobody looks after, and files that nobody will read. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { filesBelow } from "../../kit/files.ts";
import { descendants, type System } from "../../kit/system.ts";
import { temporaryIn } from "./stack.ts";

/** When the process started, as the kernel counts it; null when it is gone or a zombie. */
const startOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")")).split(" ");
    return fields[1] === "Z" || fields[1] === "X" ? null : (fields[20] ?? null);
  } catch {
    return null;
  }
};

const isRedis = (title: string): boolean => /redis-server|valkey-server/.test(title);

/** Where a system runs: a stack, or as much of one. */
export interface Place {
  readonly home: string;
  readonly system: Pick<System, "dataDir" | "pid">;
}

export interface ProcessWatch {
  /** Looks who is there now. */
  look(): void;
  /** Those that were seen below the supervisor once, or that use its folder, live, and are not below it any more. */
  orphans(): string[];
  stop(): void;
}

const lookEveryMs = 500;

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

/**
 * Who uses this folder: by its command, by its environment, or as what its sandbox was shown. In a list of mounts a path
 * begins where its disk does, and a small disk that is the data folder stands in everybody's.
 */
const usersOf = (home: string): { pid: number; title: string }[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        ["cmdline", "environ"].some((file) => textOf(`/proc/${pid}/${file}`).includes(`${home}/`)) ||
        textOf(`/proc/${pid}/mountinfo`).includes(`${basename(home)}/tmp/`),
    )
    .map((pid) => ({ pid: Number(pid), title: textOf(`/proc/${pid}/cmdline`).trim() }));

/** Remembers each process that ever stood below the supervisor. The private Redis outlives it on purpose. */
export const watchProcesses = ({ system, home }: Place): ProcessWatch => {
  const seen = new Map<number, { start: string; title: string }>();
  const remember = (found: readonly { readonly pid: number; readonly title: string }[]): void => {
    for (const { pid, title } of found) {
      const start = startOf(pid);
      if (start !== null && !isRedis(title)) seen.set(pid, { start, title });
    }
  };
  const look = (): void => {
    if (system.pid !== 0) remember(descendants(system.pid));
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  const lives = (pid: number): boolean => startOf(pid) !== null && startOf(pid) === seen.get(pid)?.start;
  return {
    look,
    orphans() {
      // Whoever lived between two looks is found by the folder that it was started for.
      remember(usersOf(home).filter(({ pid }) => pid !== system.pid));
      const below = new Set(descendants(system.pid).map(({ pid }) => pid));
      return [...seen].filter(([pid]) => !below.has(pid) && lives(pid)).map(([pid, { title }]) => `${title} (${pid})`);
    },
    stop: () => clearInterval(timer),
  };
};

const below = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** A folder of sandboxes is nobody's when it does not say whose it is, too. */
const hasOwner = (folder: string): boolean => {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(join(folder, "owner.json"), "utf8"));
    return startOf(pid) === startedAt;
  } catch {
    return false;
  }
};

/** Uploads on their way, releases in the making, drafts of files, temporary files of processes that are gone. */
export const leftovers = ({ system, home }: Place): string[] => {
  const { dataDir, pid } = system;
  const living = new Set([pid, ...descendants(pid).map((one) => one.pid)]);
  return [
    ...below(join(dataDir, "uploads"))
      .filter((name) => !living.has(Number.parseInt(name, 10)))
      .map((name) => `uploads/${name}`),
    ...filesBelow(join(dataDir, "uploads")),
    ...below(join(dataDir, "releases"))
      .filter((name) => !/^[0-9a-f]{64}$/.test(name))
      .map((name) => `releases/${name}`),
    ...below(dataDir).filter((name) => /\.\d+(\.old)?$|ballast/.test(name)),
    ...below(temporaryIn(home))
      .filter((name) => !hasOwner(join(temporaryIn(home), name)))
      .map((name) => `tmp/${name}`),
  ];
};
