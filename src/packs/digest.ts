/** The name of a content: the same files give the same digest, wherever and however they were packed. */
import { createHash } from "node:crypto";
import type { PackFile } from "../model/integration-type.ts";

const byPath = (left: PackFile, right: PackFile): number =>
  Buffer.compare(Buffer.from(left.path), Buffer.from(right.path));

/** SHA-256 in hex over path, length and content of each file, in the order of the paths' bytes. */
export const releaseDigest = (files: readonly PackFile[]): string => {
  const hash = createHash("sha256");
  for (const { path, bytes } of files.toSorted(byPath)) {
    // Lengths stand before what they measure, so that no two lists of files read the same.
    hash.update(`${Buffer.byteLength(path)}:${path}:${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex");
};
