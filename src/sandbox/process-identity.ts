/** Which process left something behind: a pid alone may be another process by now. */
import { readFileSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** When that process started, as the kernel counts it; empty where the kernel does not tell. */
  readonly startedAt: string;
  /** The table in which the pid counts: containers that share a folder have tables of their own. */
  readonly namespace: string;
}

/** Its state and its start, as the kernel shows them behind the name, which may hold anything. */
const lookAt = (pid: number): { readonly state: string; readonly startedAt: string } | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")")).split(" ");
    return { state: fields[1] ?? "", startedAt: fields[20] ?? "" };
  } catch {
    return undefined;
  }
};

const ownNamespace = (): string => {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
};

export const ownIdentity = (): ProcessIdentity => ({
  pid: process.pid,
  startedAt: lookAt(process.pid)?.startedAt ?? "",
  namespace: ownNamespace(),
});

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Whether it runs still; of a process in another table of pids nothing can be told. */
export const isRunning = ({ pid, startedAt, namespace }: ProcessIdentity): boolean | "unknown" => {
  if (namespace !== ownNamespace()) return "unknown";
  if (startedAt === "") return isThere(pid);
  const found = lookAt(pid);
  // A killed process whose parent does not ask for it stays in the table as a zombie.
  return found !== undefined && found.startedAt === startedAt && found.state !== "Z" && found.state !== "X";
};

/** What an identity was written down as; undefined when the file is not there or is no identity. */
export const readIdentity = (path: string): ProcessIdentity | undefined => {
  try {
    const { pid, startedAt, namespace } = JSON.parse(readFileSync(path, "utf8"));
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return { pid, startedAt: String(startedAt ?? ""), namespace: String(namespace ?? ownNamespace()) };
  } catch {
    return undefined;
  }
};

const digitsOf = (namespace: string): string => namespace.replaceAll(/\D/g, "");

/** An identity in letters that a file's name may have. */
export const nameOf = ({ pid, startedAt, namespace }: ProcessIdentity): string =>
  `${pid}-${startedAt}-${digitsOf(namespace)}`;

/** Whether the process of that name is known to be gone; of one in another table of pids nothing can be told. */
export const isNameGone = (name: string): boolean => {
  const found = /^(\d+)-(\d*)-(\d*)$/.exec(name);
  if (found === null) return false;
  const [, pid, startedAt = "", namespace] = found;
  const own = ownNamespace();
  return namespace === digitsOf(own) && isRunning({ pid: Number(pid), startedAt, namespace: own }) === false;
};
