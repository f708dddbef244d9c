/** Writes a file whole or not at all: a reader never sees half of it. */
import { renameSync, writeFileSync } from "node:fs";

export const writeWhole = (path: string, content: string | Uint8Array): void => {
  const draft = `${path}.${process.pid}.part`;
  writeFileSync(draft, content);
  renameSync(draft, path);
};
