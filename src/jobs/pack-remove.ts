/** pack.remove: the type becomes unavailable and so do its instances; what they were comes back with the pack. */
import type { Json } from "../model/json.ts";
import { removeType } from "../store/types.ts";
import type { JobInput } from "./catalog.ts";
import type { JobContext } from "./context.ts";
import { readType } from "./pack-active.ts";
import { announceType, refreshInstances, writeFenced } from "./pack-record.ts";

export const removePack = async (context: JobContext): Promise<Json> => {
  const { type_id: id } = context.job.input as unknown as JobInput<"pack.remove">;
  const type = await readType(context, id);
  const affected = await writeFenced(context, () => removeType({ id, now: context.now(), isRemoved: true }));
  announceType(context, id, "unavailable", type.errors);
  context.afterSettle(() => context.announce({ type: "integration_type.removed", id }));
  await refreshInstances(context, id);
  context.emit("final", "info", `${id} was removed; ${affected} instances wait for its return`);
  return { type_id: id, instances_affected: affected };
};
