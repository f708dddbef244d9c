/** Which process holds the other end of a connection on this machine, as the kernel sees it. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Inodes of the sockets whose own end is this port. */
const inodesOf = (port: number): string[] => {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readFileSync(table, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local]) => local?.endsWith(wanted))
      .map((fields) => fields[9] ?? ""),
  );
};

const linksOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};

/** The one of these processes whose socket has this port. */
export const ownerOfPort = (port: number, pids: readonly number[]): number => {
  const sockets = new Set(inodesOf(port).map((inode) => `socket:[${inode}]`));
  const owner = pids.find((pid) => linksOf(pid).some((link) => sockets.has(link)));
  if (owner === undefined) throw new Error(`none of ${pids.join(", ")} holds port ${port}`);
  return owner;
};
