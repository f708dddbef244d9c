/** pack.validate: looks at an installed type again and records what is found. Succeeds whatever that is. */
import type { Json } from "../model/json.ts";
import { isValid } from "../packs/examine.ts";
import type { JobInput } from "./catalog.ts";
import type { JobContext } from "./context.ts";
import { examineRelease, filesOf, readType } from "./pack-active.ts";
import { checkAgain } from "./pack-checking.ts";
import { resultOf } from "./pack-place.ts";
import { recordStatus } from "./pack-record.ts";

export const validatePack = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"pack.validate">;
  const type = await readType(context, input.type_id);
  const files = type.status === "unavailable" ? undefined : await filesOf(context, type.digest);
  if (files === undefined) {
    context.emit("registry", "warn", `${type.id} is not installed: there is nothing to validate`);
    return resultOf({ ...type, status: "unavailable" });
  }
  context.progress("registry", `Validating ${type.id}`, 30);
  await checkAgain(context, type);
  const examined = await examineRelease(context, type, files);
  const status = isValid(examined) ? "valid" : "invalid";
  await recordStatus(context, type, { status, errors: examined.errors });
  context.emit("final", status === "valid" ? "info" : "warn", `${type.id} ${type.manifest.version} is ${status}`);
  return resultOf({ ...type, status, errors: examined.errors });
};
