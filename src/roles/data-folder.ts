/** The data folder of one running system: who holds it, and the files that must be there before anything starts. */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SettingError } from "../config.ts";

interface Holder {
  readonly pid: number;
  /** When that process started, as the kernel counts it: a pid alone may be another process by now. */
  readonly startedAt: string;
}

const startOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")")).split(" ")[20] ?? "";
  } catch {
    return "";
  }
};

const isAlive = ({ pid, startedAt }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return startedAt === "" || startOf(pid) === startedAt;
};

const readHolder = (path: string): Holder | null => {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return null;
  }
};

/** Puts a complete file into place only if there is none: no reader ever sees half of it. */
const claim = (path: string, text: string): boolean => {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * Takes the folder for this process. Answers how to give it back.
 * @throws SettingError when another living process holds it.
 */
export const holdDataFolder = (dataDir: string): (() => void) => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "switchyard.lock");
  const text = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) });
  while (!claim(path, text)) {
    const holder = readHolder(path);
    if (holder && isAlive(holder)) {
      throw new SettingError(
        `the data folder ${dataDir} is in use by process ${holder.pid}: stop it first, or set SWITCHYARD_DATA to another folder`,
      );
    }
    rmSync(path, { force: true });
  }
  return () => rmSync(path, { force: true });
};

/** The admin token: the setting's, or the file's, which is made on the first start. */
export const adminToken = (dataDir: string, given: string | null): { token: string; file: string | null } => {
  if (given !== null) return { token: given, file: null };
  const file = join(dataDir, "admin.token");
  claim(file, `${randomBytes(32).toString("base64url")}\n`);
  return { token: readFileSync(file, "utf8").trim(), file };
};
