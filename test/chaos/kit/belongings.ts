/** What a system may leave behind: processes that nobody looks after, and files that nobody will read. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesBelow } from "../../kit/files.ts";
import { descendants, type System } from "../../kit/system.ts";

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

export interface ProcessWatch {
  /** Looks who is there now. */
  look(): void;
  /** Those that were seen below the supervisor once, live, and are not below it any more. */
  orphans(): string[];
  /** Whether a process of this number was one of them and is gone. */
  isGone(pid: number): boolean;
  stop(): void;
}

const lookEveryMs = 500;

/** Remembers each process that ever stood below the supervisor. The private Redis outlives it on purpose. */
export const watchProcesses = (system: System): ProcessWatch => {
  const seen = new Map<number, { start: string; title: string }>();
  const look = (): void => {
    if (system.pid === 0) return;
    for (const { pid, title } of descendants(system.pid)) {
      const start = startOf(pid);
      if (start !== null && !isRedis(title)) seen.set(pid, { start, title });
    }
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  const lives = (pid: number): boolean => startOf(pid) !== null && startOf(pid) === seen.get(pid)?.start;
  return {
    look,
    orphans() {
      const below = new Set(descendants(system.pid).map(({ pid }) => pid));
      return [...seen].filter(([pid]) => !below.has(pid) && lives(pid)).map(([pid, { title }]) => `${title} (${pid})`);
    },
    isGone: (pid) => seen.has(pid) && !lives(pid),
    stop: () => clearInterval(timer),
  };
};

const below = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** Uploads on their way, releases in the making, drafts of files, folders of sandboxes whose worker is gone. */
export const leftovers = ({ dataDir }: System, processes: ProcessWatch): string[] => {
  const staged = below(tmpdir()).filter((name) => {
    if (!name.startsWith("switchyard-sandbox-")) return false;
    try {
      const { pid } = JSON.parse(readFileSync(join(tmpdir(), name, "owner.json"), "utf8")) as { pid: number };
      return processes.isGone(pid);
    } catch {
      return false;
    }
  });
  return [
    ...below(join(dataDir, "uploads"))
      .filter((name) => processes.isGone(Number.parseInt(name, 10)))
      .map((name) => `uploads/${name}`),
    ...filesBelow(join(dataDir, "uploads")),
    ...below(join(dataDir, "releases"))
      .filter((name) => !/^[0-9a-f]{64}$/.test(name))
      .map((name) => `releases/${name}`),
    ...below(dataDir).filter((name) => /\.\d+(\.old)?$|ballast/.test(name)),
    ...staged,
  ];
};
