/** Where uploads lie on their way into the store: each API process has its own folder, and removes those of dead ones. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isNameGone, nameOf, ownIdentity } from "../sandbox/process-identity.ts";

export interface ScratchFolder {
  readonly dir: string;
  /** At the end: nothing uses it any more. */
  remove(): void;
}

const drop = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Another user's, or on a disk that fails: it only takes room.
  }
};

/** Makes the folder of this process. */
export const openScratchFolder = (dataDir: string): ScratchFolder => {
  const root = join(dataDir, "uploads");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root).filter(isNameGone)) drop(join(root, name));
  const dir = join(root, nameOf(ownIdentity()));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return { dir, remove: () => drop(dir) };
};
