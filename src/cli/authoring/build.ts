/** `build <folder>`: the archive of a pack that an install would take. */
import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { SwitchyardError } from "../../errors.ts";
import { buildArchive } from "../../packs/build.ts";
import { packLimits } from "../../packs/entry-path.ts";
import type { Alone } from "../alone.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { printJson } from "../session.ts";
import { lookAtPack } from "./look.ts";
import { printFaults, printPermissions, summaryOf } from "./show-faults.ts";
import { localTerms, placeOf } from "./terms.ts";

export interface BuildOptions {
  readonly out?: string;
}

const assertUploadable = (bytes: Buffer): void => {
  if (bytes.length <= packLimits.archiveBytes) return;
  throw new SwitchyardError("archive_too_large", {
    detail: `Expected an archive of at most ${packLimits.archiveBytes} bytes, got ${bytes.length}. Leave out what the driver does not need.`,
  });
};

/** Whole or not at all: a reader never sees half of it. */
const write = (path: string, bytes: Buffer): void => {
  const draft = `${path}.${process.pid}.part`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
};

export const build = async (alone: Alone, [path = ""]: readonly string[], { out }: BuildOptions): Promise<ExitCode> => {
  const { terminal, isJson, cwd } = alone;
  if (out !== undefined && !out.endsWith(".int")) throw usage(`--out ${out}: expected a name that ends in .int.`);
  const looked = await lookAtPack(placeOf(alone, path), await localTerms(alone));
  const { pack, faults, files } = looked;
  if (pack === undefined || faults.length > 0) {
    if (isJson) printJson(alone, { file: null, faults });
    else printFaults(terminal, path, faults);
    terminal.note(`${summaryOf(looked)} Nothing was built.`);
    return exitCodes.failed;
  }
  const bytes = await buildArchive(files);
  assertUploadable(bytes);
  const file = resolve(cwd, out ?? `${pack.id}-${pack.manifest.version}.int`);
  write(file, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const told = { file, bytes: bytes.length, sha256, type_id: pack.id, version: pack.manifest.version };
  if (isJson) printJson(alone, { ...told, digest: pack.digest, files: files.length });
  else {
    terminal.print(`${file}: ${files.length} files, ${bytes.length} bytes, sha256 ${sha256}`);
    printPermissions(terminal, looked);
  }
  return exitCodes.succeeded;
};
