/** Where uploads lie on their way into the store: each API process has its own folder, and removes those of dead ones. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isNameGone, nameOf, ownIdentity } from "../sandbox/process-identity.ts";

/** Makes the folder of this process and gives its path. */
export const openScratchFolder = (dataDir: string): string => {
  const root = join(dataDir, "uploads");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root).filter(isNameGone)) rmSync(join(root, name), { recursive: true, force: true });
  const own = join(root, nameOf(ownIdentity()));
  mkdirSync(own, { recursive: true, mode: 0o700 });
  return own;
};
