/** Everything an install would say about a pack, said without a server. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { asSwitchyardError, SwitchyardError } from "../../errors.ts";
import type { PackFile } from "../../model/integration-type.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Manifest } from "../../model/manifest.ts";
import { requiredPermissions } from "../../model/permissions.ts";
import { readArchive } from "../../packs/archive.ts";
import { buildInstallable } from "../../packs/build.ts";
import { assertSandboxLevel, examinePack } from "../../packs/examine.ts";
import { type Fault, faultsIn, faultsOfRefusal } from "../../packs/faults.ts";
import { type ManifestText, readManifestFile, readManifestText } from "../../packs/manifest-file.ts";
import { readPackFolder } from "../../packs/pack-folder.ts";
import { signingKeyOf } from "../../packs/signature.ts";
import { usage } from "../failure.ts";
import { type LocalSandbox, type LocalTerms, openLocalSandbox } from "./local-sandbox.ts";

/** What came of looking at a pack. */
export interface LookedPack {
  readonly files: readonly PackFile[];
  /** Empty: it would be valid. */
  readonly faults: readonly Fault[];
  /** As an install words them, keyed; empty when an install would not come so far. */
  readonly errors: JsonObject;
  /** Absent when there is nothing that could be read. */
  readonly pack?: {
    readonly id: string;
    readonly manifest: Manifest;
    readonly digest: string;
    readonly language: "node" | "python";
    /** What an admin will be asked for. */
    readonly permissions: readonly string[];
    readonly sandboxLevel: string;
  };
}

const refusal = async (act: () => unknown): Promise<Fault[]> => {
  try {
    await act();
    return [];
  } catch (thrown) {
    return faultsOfRefusal(asSwitchyardError(thrown, "archive_invalid"));
  }
};

/** What the manifest's own check says as well is said once. */
const withoutEchoes = (refused: readonly Fault[], faults: readonly Fault[]): Fault[] => [
  ...refused.filter(({ pointer }) => !faults.some((fault) => pointer !== undefined && fault.pointer === pointer)),
  ...faults,
];

/** A bad id is a reason to install nothing, but none to keep silent about the rest. */
const nameOf = ({ document: { id } }: ManifestText): string => (typeof id === "string" && id !== "" ? id : "the pack");

const examine = async (sandbox: LocalSandbox, files: readonly PackFile[], text: ManifestText): Promise<LookedPack> => {
  const file = { ...text, id: nameOf(text) };
  const isShipped = false;
  const { digest } = sandbox;
  const { manifest, language, errors } = await examinePack(sandbox, { file, files, digest, isShipped });
  const refused = [
    ...(await refusal(() => readManifestFile(files))),
    ...(await refusal(() => signingKeyOf(files))),
    ...(errors["validation_error"] === undefined
      ? await refusal(() => assertSandboxLevel(sandbox, { file, files, isShipped }))
      : []),
  ];
  const permissions = errors["schema_error"] === undefined ? requiredPermissions(manifest) : [];
  return {
    files,
    faults: withoutEchoes(refused, faultsIn({ errors, file }, files)),
    errors,
    pack: { id: file.id, manifest, digest, language, permissions, sandboxLevel: sandbox.sandboxLevel },
  };
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The files of a pack: of a folder, or of an archive. @throws SwitchyardError as an install would; CliFailure. */
const readPackAt = async (path: string): Promise<readonly PackFile[]> => {
  if (!existsSync(path)) throw usage(`There is no file or folder ${path}.`);
  return isFolder(path) ? readPackFolder(path) : readArchive(readFileSync(path));
};

/**
 * @param prepare what is done to the files before they are looked at.
 * @throws CliFailure when there is nothing at that path; a bad pack is an answer.
 */
export const lookAtPack = async (
  path: string,
  terms: LocalTerms,
  prepare: (files: readonly PackFile[]) => readonly PackFile[] = (files) => files,
): Promise<LookedPack> => {
  let files: readonly PackFile[];
  let text: ManifestText;
  try {
    files = prepare(await readPackAt(path));
    text = readManifestText(files);
  } catch (thrown) {
    if (!(thrown instanceof SwitchyardError)) throw thrown;
    return { files: [], faults: faultsOfRefusal(thrown), errors: {} };
  }
  const sandbox = await openLocalSandbox(files, terms);
  try {
    const looked = await examine(sandbox, files, text);
    // A folder is installed as an archive, whose limits its content may miss.
    const unpackable = isFolder(path) ? await refusal(() => buildInstallable(files)) : [];
    return { ...looked, faults: [...unpackable, ...looked.faults] };
  } finally {
    await sandbox.close();
  }
};
