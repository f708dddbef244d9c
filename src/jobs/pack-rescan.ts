/** pack.rescan: looks at every pack again: the folder we ship, and each release that is installed. */
import { asSwitchyardError } from "../errors.ts";
import type { IntegrationType, TypeStatus } from "../model/integration-type.ts";
import type { Json } from "../model/json.ts";
import { isValid } from "../packs/examine.ts";
import { readManifestFile } from "../packs/manifest-file.ts";
import { listShipped, type ShippedPack } from "../packs/shipped.ts";
import { listTypes, removeType } from "../store/types.ts";
import type { JobContext } from "./context.ts";
import { examineRelease, filesOf } from "./pack-active.ts";
import { checkAgain } from "./pack-checking.ts";
import { placePack } from "./pack-place.ts";
import { announceType, recordStatus, refreshInstances, writeFenced } from "./pack-record.ts";
import { enqueueTests } from "./pack-tests.ts";

/** Ids of the shipped packs whose folder is there and readable. */
const bringShipped = async (context: JobContext, packs: readonly ShippedPack[]): Promise<Set<string>> => {
  const ids = new Set<string>();
  for (const { folder, files } of packs) {
    try {
      ids.add(readManifestFile(files).id);
      const { type, isNew, isUpgrade } = await placePack(context, { files, replace: true, isShipped: true });
      if (isNew && isUpgrade) await enqueueTests(context, type.id);
    } catch (thrown) {
      const { code, message } = asSwitchyardError(thrown);
      if (code === "internal") throw thrown;
      context.emit("registry", "warn", `The shipped pack ${folder} was not installed: ${code}: ${message}`);
    }
  }
  return ids;
};

const withdraw = async (context: JobContext, type: IntegrationType): Promise<TypeStatus> => {
  if (type.status === "unavailable") return "unavailable";
  await writeFenced(context, () => removeType({ id: type.id, now: context.now(), isRemoved: false }));
  announceType(context, type.id, "unavailable", type.errors);
  await refreshInstances(context, type.id);
  context.emit("registry", "warn", `${type.id}: its content is gone`);
  return "unavailable";
};

const lookAgain = async (
  context: JobContext,
  type: IntegrationType,
  shippedIds: ReadonlySet<string>,
): Promise<TypeStatus> => {
  if (type.isRemoved) return "unavailable";
  const files = await filesOf(context, type.digest);
  if (files === undefined || (type.isShipped && !shippedIds.has(type.id))) return withdraw(context, type);
  await checkAgain(context, type);
  const examined = await examineRelease(context, type, files);
  const status = isValid(examined) ? "valid" : "invalid";
  const isBack = type.status === "unavailable";
  await recordStatus(context, type, { status, errors: examined.errors });
  if (isBack) await refreshInstances(context, type.id);
  return status;
};

export const rescanPacks = async (context: JobContext): Promise<Json> => {
  const { packs, broken } = await listShipped(context.packsDir);
  for (const { folder, error } of broken) context.emit("unpack", "warn", `${folder} cannot be read: ${error.message}`);
  const shippedIds = await bringShipped(context, packs);
  const types = await context.store.read(() => listTypes());
  const counts = { discovered: types.length, valid: 0, invalid: 0, unavailable: 0 };
  for (const [index, type] of types.entries()) {
    context.signal.throwIfAborted();
    context.progress("registry", `Looking at ${type.id}`, Math.round((index / types.length) * 100));
    const status = await lookAgain(context, type, shippedIds);
    if (status === "valid" || status === "invalid" || status === "unavailable") counts[status] += 1;
  }
  context.emit("final", "info", `${counts.valid} valid, ${counts.invalid} invalid, ${counts.unavailable} unavailable`);
  return counts;
};
