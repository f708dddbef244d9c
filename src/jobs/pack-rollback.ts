/** pack.rollback: an earlier release becomes the active one again, if it still passes. */
import { SwitchyardError } from "../errors.ts";
import type { IntegrationType, Release } from "../model/integration-type.ts";
import type { Json } from "../model/json.ts";
import { isValid } from "../packs/examine.ts";
import { pickEarlier } from "../packs/install-rules.ts";
import { assertSignature } from "../packs/signature.ts";
import { listReleases } from "../store/releases.ts";
import type { JobInput } from "./catalog.ts";
import type { JobContext } from "./context.ts";
import { examineRelease, filesOf, readType } from "./pack-active.ts";
import { packInvalid, resultOf } from "./pack-place.ts";
import { recordRelease, wasRecordedBefore } from "./pack-record.ts";
import { testInstances } from "./pack-tests.ts";

const chooseRelease = async (context: JobContext, type: IntegrationType, asked?: string): Promise<Release> => {
  const releases = await context.store.read(() => listReleases(type.id));
  const release = pickEarlier(releases, type.digest, asked);
  if (release !== undefined) return release;
  throw new SwitchyardError("no_earlier_release", {
    detail: `${type.id} has no ${asked === undefined ? "earlier release" : "other release of that digest"} to go back to.`,
  });
};

const goBack = async (context: JobContext, type: IntegrationType, asked?: string): Promise<IntegrationType> => {
  const release = await chooseRelease(context, type, asked);
  const files = await filesOf(context, release.digest);
  if (files === undefined) {
    throw new SwitchyardError("no_earlier_release", {
      detail: `The content of ${release.version} is not kept any more.`,
    });
  }
  if (!type.isShipped) assertSignature(files, context.signatures);
  context.emit("install", "info", `Going back from ${type.manifest.version} to ${release.version}`);
  context.progress("registry", `Validating ${release.version}`, 50);
  const examined = await examineRelease(context, { digest: release.digest, isShipped: type.isShipped }, files);
  if (!isValid(examined)) throw packInvalid(examined, `${type.manifest.version} stays as it is.`);
  return recordRelease(context, { pack: examined, files, previous: type, isShipped: type.isShipped });
};

export const rollbackPack = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"pack.rollback">;
  const type = await readType(context, input.type_id);
  const active = wasRecordedBefore(context, type) ? type : await goBack(context, type, input.digest);
  const tests = await testInstances(context, type.id);
  context.emit("final", "info", `${type.id} ${active.manifest.version} is active`);
  return resultOf(active, tests.length === 0 ? {} : { tests });
};
