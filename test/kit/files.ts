/** What lies in folders. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Every file below a folder, but not sockets. */
export const filesBelow = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder, { withFileTypes: true, recursive: true }) : [])
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
