/** Puts a pack's files into the place of a type: decided, asked for, checked and swapped, in this order. */
import { SwitchyardError } from "../errors.ts";
import type { IntegrationType, PackFile } from "../model/integration-type.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { checkManifest } from "../model/manifest-check.ts";
import { requiredPermissions } from "../model/permissions.ts";
import { openConsent } from "../packs/consent.ts";
import { releaseDigest } from "../packs/digest.ts";
import {
  assertSandboxLevel,
  describePack,
  type ExaminedPack,
  examinePack,
  isValid,
  type PackToExamine,
} from "../packs/examine.ts";
import { faultsIn, faultText } from "../packs/faults.ts";
import { type Decision, decideInstall } from "../packs/install-rules.ts";
import { type ManifestFile, readManifestFile } from "../packs/manifest-file.ts";
import { assertSignature } from "../packs/signature.ts";
import { listReleases } from "../store/releases.ts";
import { findType } from "../store/types.ts";
import type { JobContext } from "./context.ts";
import { checkAgain, checkFirst, knownStatus } from "./pack-checking.ts";
import { recordRelease, typeRow, wasRecordedBefore } from "./pack-record.ts";

/** A pack on its way in. */
export interface IncomingPack {
  readonly files: readonly PackFile[];
  readonly replace: boolean;
  readonly isShipped: boolean;
  readonly consent?: string;
}

/** What came of it. */
export interface Placed {
  readonly type: IntegrationType;
  /** Whether the job made this release the active one, in this or an earlier attempt. */
  readonly isNew: boolean;
  readonly isUpgrade: boolean;
}

interface Standing {
  readonly installed: IntegrationType | undefined;
  readonly knownDigests: ReadonlySet<string>;
}

const readStanding = ({ store }: JobContext, id: string): Promise<Standing> =>
  store.read(function* () {
    const found = yield* findType(id);
    const releases = yield* listReleases(id);
    const knownDigests = new Set(releases.map(({ digest }) => digest));
    // A first install that was killed leaves a type without a release: nothing is installed.
    const isLeftover = found?.status === "checking" && !knownDigests.has(found.digest);
    if (found === undefined || isLeftover) return { installed: undefined, knownDigests };
    return { installed: { ...found, status: knownStatus(found) }, knownDigests };
  });

const decide = (file: ManifestFile, digest: string, pack: IncomingPack, standing: Standing): Decision => {
  const version = file.document["version"];
  const { installed, knownDigests } = standing;
  return decideInstall(
    { version: typeof version === "string" ? version : "", digest, replace: pack.replace, isShipped: pack.isShipped },
    installed && { ...installed, version: installed.manifest.version },
    knownDigests,
  );
};

/** Asked before any of the pack's code is loaded. */
const assertConsent = (file: ManifestFile, pack: IncomingPack, installed: IntegrationType | undefined): void => {
  const { manifest } = checkManifest(file.document);
  if (pack.isShipped || manifest === undefined) return;
  const granted = installed?.status === "valid" ? installed.permissions : [];
  const question = openConsent(requiredPermissions(manifest), granted, pack.consent);
  if (question === undefined) return;
  throw new SwitchyardError("consent_required", {
    detail: `${file.id} asks for ${question.permissions.join(", ")}. Upload it again with consent=${question.digest} to grant exactly this.`,
    details: { ...question },
  });
};

/** What works stays as it is while an upgrade is looked at; everything else shows that it is being checked. */
const sayChecking = async (
  context: JobContext,
  pack: PackToExamine,
  previous: IntegrationType | undefined,
): Promise<void> => {
  if (previous === undefined) {
    return checkFirst(context, typeRow(context, { ...pack, pack: describePack(pack), previous }));
  }
  if (previous.status === "invalid") await checkAgain(context, previous);
};

const stage = async (
  context: JobContext,
  pack: IncomingPack,
  { file, previous }: { readonly file: ManifestFile; readonly previous: IntegrationType | undefined },
): Promise<ExaminedPack> => {
  assertSandboxLevel(context, { file, files: pack.files, isShipped: pack.isShipped });
  context.progress("install", `Staging ${file.id}`, 50);
  const digest = await context.shelf.stage(pack.files);
  context.emit("install", "info", `Staged ${pack.files.length} files`, { digest });
  await context.pass("install.staged");
  context.progress("registry", `Validating ${file.id}`, 70);
  const staged = { file, files: pack.files, digest, isShipped: pack.isShipped };
  await sayChecking(context, staged, previous);
  await context.pass("install.checking");
  return examinePack(context, staged);
};

const sayErrors = (context: JobContext, { errors, file }: ExaminedPack, files: readonly PackFile[]): void => {
  for (const [key, found] of Object.entries(errors)) {
    const text = faultsIn({ errors: { [key]: found }, file }, files)
      .map(faultText)
      .join("; ");
    context.emit("registry", "error", `${key}: ${text.length > 500 ? `${text.slice(0, 500)}...` : text}`, {
      [key]: found,
    });
  }
};

/** The type as jobs about packs answer it. */
export const resultOf = (type: IntegrationType, more: JsonObject = {}): Json => ({
  type_id: type.id,
  version: type.manifest.version,
  status: type.status,
  errors: type.errors,
  release: { digest: type.digest },
  ...more,
});

/** The failure of a pack that did not pass, with all that is wrong with it. */
export const packInvalid = (pack: ExaminedPack, next: string): SwitchyardError =>
  new SwitchyardError("pack_invalid", {
    detail: `${pack.file.id} ${pack.manifest.version} failed its validation (${Object.keys(pack.errors).join(", ")}). ${next}`,
    details: { type_id: pack.file.id, version: pack.manifest.version, status: "invalid", errors: pack.errors },
  });

interface Passage {
  readonly pack: IncomingPack;
  readonly examined: ExaminedPack;
  readonly previous: IntegrationType | undefined;
  readonly isUpgrade: boolean;
}

const finish = async (context: JobContext, passage: Passage): Promise<Placed> => {
  const { pack, examined, previous, isUpgrade } = passage;
  const recorded = { pack: examined, files: pack.files, previous, isShipped: pack.isShipped };
  await context.pass("install.examined");
  if (isValid(examined)) {
    const type = await recordRelease(context, recorded);
    await context.pass("install.recorded");
    context.emit("registry", "info", `${type.id} ${type.manifest.version} is valid`, { digest: type.digest });
    return { type, isNew: true, isUpgrade };
  }
  sayErrors(context, examined, pack.files);
  if (isUpgrade) {
    if (previous?.digest !== examined.digest) await context.shelf.discard(examined.digest);
    throw packInvalid(examined, `The installed ${previous?.manifest.version ?? "release"} stays as it is.`);
  }
  await recordRelease(context, recorded);
  throw packInvalid(examined, "Correct it and install it again.");
};

const settleNothing = (context: JobContext, installed: IntegrationType, digest: string, reason: string): Placed => {
  const isOurs = installed.digest === digest && wasRecordedBefore(context, installed);
  context.emit("install", "info", "This content is laid out already", { digest });
  context.emit("registry", "info", isOurs ? "An earlier attempt installed it" : `Nothing changed: ${reason}`);
  return { type: installed, isNew: isOurs, isUpgrade: isOurs };
};

/**
 * Installs, upgrades, or finds that there is nothing to do.
 * @throws SwitchyardError `manifest_*`, `pack_conflict`, `consent_required`, `sandbox_level_too_low`, `pack_invalid`.
 */
export const placePack = async (context: JobContext, pack: IncomingPack): Promise<Placed> => {
  const file = readManifestFile(pack.files);
  if (!pack.isShipped) assertSignature(pack.files, context.signatures);
  const digest = releaseDigest(pack.files);
  context.emit("manifest", "info", `${file.id} ${String(file.document["version"])}`, { type_id: file.id });
  const standing = await readStanding(context, file.id);
  const decision = decide(file, digest, pack, standing);
  const { installed } = standing;
  if (decision.action === "none" && installed !== undefined) {
    return settleNothing(context, installed, digest, decision.reason);
  }
  if (decision.action === "conflict") {
    throw new SwitchyardError("pack_conflict", { detail: `${file.id} cannot be installed: ${decision.reason}.` });
  }
  assertConsent(file, pack, installed);
  const examined = await stage(context, pack, { file, previous: installed });
  return finish(context, { pack, examined, previous: installed, isUpgrade: decision.action === "upgrade" });
};
