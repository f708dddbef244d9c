/** The recordings that lie beside a pack, in `recordings/*.jsonl`. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SwitchyardError } from "../errors.ts";
import { parseRecording, type Recording } from "./format.ts";

export interface NamedRecording {
  /** Of its file. */
  readonly name: string;
  readonly recording: Recording;
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new SwitchyardError("recording_invalid", { detail: `${path}: there is no such file.`, cause });
  }
};

const filesBeside = (folder: string): readonly string[] => {
  const below = join(folder, "recordings");
  if (!existsSync(below)) return [];
  return readdirSync(below)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => join(below, name));
};

/**
 * Those of the pack in `folder`, or the named files.
 * @throws SwitchyardError `recording_invalid`.
 */
export const readRecordings = (folder: string, files: readonly string[] = []): readonly NamedRecording[] =>
  (files.length === 0 ? filesBeside(folder) : files).map((path) => ({
    name: basename(path),
    recording: parseRecording(textOf(path), basename(path)),
  }));
