/** `build <folder>`: the archive of a pack that an install would take. */
import { createHash, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PackFile } from "../../model/integration-type.ts";
import { buildInstallable } from "../../packs/build.ts";
import { publicText, readSigningKey, signed, signingKeyOf } from "../../packs/signature.ts";
import type { Alone } from "../alone.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { usage } from "../failure.ts";
import { printJson } from "../session.ts";
import { type LookedPack, lookAtPack } from "./look.ts";
import { printFaults, printPermissions, summaryOf } from "./show-faults.ts";
import { localTerms, placeOf } from "./terms.ts";
import { writeWhole } from "./whole-file.ts";

export interface BuildOptions {
  readonly out?: string;
  /** A file with the private key that signs it. */
  readonly sign?: string;
}

/** @throws SwitchyardError, CliFailure when there is no key to sign with. */
const readKey = (path: string): KeyObject => {
  let pem: string;
  try {
    pem = readFileSync(path, "utf8");
  } catch {
    throw usage(`--sign ${path}: expected a file with a private key.`, [
      `Make one with: openssl genpkey -algorithm ed25519 -out ${path}`,
    ]);
  }
  return readSigningKey(pem);
};

/** What was written, for a program. */
const factsOf = (file: string, bytes: Buffer, { id, manifest, digest }: NonNullable<LookedPack["pack"]>) => ({
  ...{ file, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") },
  ...{ type_id: id, version: manifest.version, digest },
});

const refuse = (alone: Alone, path: string, looked: LookedPack): ExitCode => {
  if (alone.isJson) printJson(alone, { file: null, faults: looked.faults });
  else printFaults(alone.terminal, path, looked.faults);
  alone.terminal.note(`${summaryOf(looked)} Nothing was built.`);
  return exitCodes.failed;
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Where the archive goes: by its usual name where a folder, or nothing, is named. */
const targetOf = ({ cwd }: Alone, out: string, { id, manifest }: NonNullable<LookedPack["pack"]>): string => {
  const place = resolve(cwd, out);
  return isFolder(place) ? join(place, `${id}-${manifest.version}.int`) : place;
};

export const build = async (
  alone: Alone,
  [path = ""]: readonly string[],
  { out = ".", sign }: BuildOptions,
): Promise<ExitCode> => {
  const { terminal } = alone;
  if (!out.endsWith(".int") && !isFolder(resolve(alone.cwd, out)))
    throw usage(`--out ${out}: expected a name that ends in .int, or a folder that is there.`);
  const key = sign === undefined ? undefined : readKey(resolve(alone.cwd, sign));
  const sealed = key && ((found: readonly PackFile[]) => signed(found, key));
  const looked = await lookAtPack(placeOf(alone, path), await localTerms(alone), sealed);
  const { pack, faults, files } = looked;
  if (pack === undefined || faults.length > 0) return refuse(alone, path, looked);
  const bytes = await buildInstallable(files);
  const file = targetOf(alone, out, pack);
  writeWhole(file, bytes);
  const facts = { ...factsOf(file, bytes, pack), files: files.length, signed_by: signingKeyOf(files) };
  if (alone.isJson) {
    printJson(alone, facts);
    return exitCodes.succeeded;
  }
  terminal.print(`${file}: ${files.length} files, ${bytes.length} bytes, sha256 ${facts.sha256}`);
  if (key) terminal.print(`signed by ${publicText(key)}: what an admin adds to SWITCHYARD_TRUSTED_KEYS`);
  printPermissions(terminal, path, looked);
  return exitCodes.succeeded;
};
