/** A disk of fixed size for a data folder, and something heavy to fill it with. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  fill(): void;
  empty(): void;
  unmount(): void;
}

const size = "96m";

const mount = (path: string): void => {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0755`, "tmpfs", path], { stdio: "ignore" });
};
const unmount = (path: string): void => {
  execFileSync("umount", ["--lazy", path], { stdio: "ignore" });
};

const tryOut = (): string | undefined => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root may mount a small disk";
  const path = mkdtempSync(join(tmpdir(), "sw-disk-"));
  try {
    mount(path);
    unmount(path);
    return undefined;
  } catch {
    return "this machine lets nobody mount a small disk";
  } finally {
    rmdirSync(path);
  }
};

/** Why there can be none; undefined when there can. */
export const missingSmallDisk: string | undefined = tryOut();

/** A tmpfs of 96 MiB at that path, until it is unmounted. */
export const mountSmallDisk = (path: string): SmallDisk => {
  mkdirSync(path, { recursive: true });
  mount(path);
  const ballast = join(path, "ballast");
  return {
    fill: () => {
      const file = openSync(ballast, "a");
      const block = Buffer.alloc(1024 * 1024, 1);
      try {
        for (let bytes = block.length; bytes >= 4096; ) {
          try {
            writeSync(file, block, 0, bytes);
          } catch {
            bytes = Math.floor(bytes / 2);
          }
        }
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    unmount: () => unmount(path),
  };
};
